"""Tests mirror the source: the test of `a/b.py` is `tests/a/test_b.py`, or the map says where."""

import ast
import re
from pathlib import Path

import pytest

from setup.structure import PACKAGES, ROOT

# Modules, or all modules of a folder, whose test has another name: the test, and what it uses of
# the module, unless it names one of the module's classes, functions or constants. A test of several
# modules at once is better than one for each where they only work together.
TESTED_ELSEWHERE: dict[str, tuple[str, str]] = {
    "modeltrain/__main__.py": ("tests/modeltrain/test_main.py", ""),
    "modeltrain/model/classify_files.py": (
        "tests/modeltrain/verbs/test_classify_verb.py",
        '"classify"',
    ),
    "modeltrain/audit/minimum.py": ("tests/modeltrain/audit/test_evaluate.py", ""),
    "modeltrain/images/child.py": ("tests/modeltrain/images/test_pool.py", ""),
    "modeltrain/importing/class_names.py": ("tests/docs/test_importing.py", "dataset_infos.json"),
    "modeltrain/importing/layout.py": ("tests/docs/test_importing.py", "run_import"),
    "modeltrain/importing/spellings.py": ("tests/docs/test_importing.py", "with a blank"),
    "modeltrain/importing/download.py": ("tests/modeltrain/importing/test_url_lists.py", ""),
    "modeltrain/network/inception.py": ("tests/modeltrain/network/test_export.py", ""),
    "modeltrain/training/activation_cache.py": ("tests/modeltrain/training/test_article.py", ""),
    "modeltrain/training/candidates.py": ("tests/modeltrain/training/test_fine_tune.py", ""),
    "modeltrain/training/checkpoint.py": ("tests/modeltrain/training/test_phases.py", ""),
    "modeltrain/training/configs/augmentation.py": (
        "tests/modeltrain/training/test_augment.py",
        "",
    ),
    "modeltrain/training/configs/": ("tests/modeltrain/training/test_configs.py", ""),
    "modeltrain/training/errors.py": ("tests/modeltrain/training/test_head.py", ""),
    # Verbs hand their arguments to one function. These are run where that function is tested.
    "modeltrain/verbs/clean_verb.py": ("tests/modeltrain/curate/test_clean.py", '"clean"'),
    "modeltrain/verbs/review_verb.py": ("tests/modeltrain/curate/test_label_errors.py", '"review"'),
    "modeltrain/verbs/import_verb.py": ("tests/modeltrain/importing/conftest.py", '"import"'),
    "modeltrain/verbs/export_verb.py": ("tests/modeltrain/network/test_quantize.py", '"export"'),
    "modeltrain/verbs/compare_models_verb.py": (
        "tests/feedback/services/test_findings.py",
        "test_the_other_published_models_are_judged_and_timed",
    ),
    "modeltrain/verbs/import_model_verb.py": (
        "tests/modeltrain/network/test_mobilenet.py",
        '"import-model"',
    ),
    "modeltrain/verbs/convert_verb.py": ("tests/conftest.py", '"convert"'),
    "modeltrain/verbs/compare_verb.py": (
        "tests/modeltrain/training/test_compare_backends.py",
        '"compare"',
    ),
    "modeltrain/verbs/train_verb.py": (
        "tests/modeltrain/training/test_compare_backends.py",
        '"train"',
    ),
    "modeltrain/verbs/demo_data_verb.py": ("tests/flows/conftest.py", '"demo-data"'),
    "modeltrain/verbs/retrain_verb.py": ("tests/flows/test_loop_by_api.py", "retrain"),
    # Tables: every constraint is attacked in one file; what else a table can do is tested here.
    "feedback/models/": ("tests/feedback/models/test_constraints.py", ""),
    "feedback/models/burst.py": ("tests/feedback/services/test_bursts.py", ""),
    "feedback/models/classification.py": ("tests/feedback/services/test_classifications.py", ""),
    "feedback/models/demo_answer.py": ("tests/nsfwsite/demo/test_views.py", ""),
    "feedback/models/erasure.py": ("tests/feedback/services/test_erasure.py", ""),
    "feedback/models/example.py": ("tests/feedback/services/test_datasets.py", ""),
    "feedback/models/image.py": ("tests/feedback/services/test_images.py", ""),
    "feedback/models/api_token.py": ("tests/feedback/services/test_api_tokens.py", ""),
    "feedback/models/webhook.py": ("tests/feedback/services/test_webhooks.py", ""),
    "feedback/queries/webhooks.py": ("tests/nsfwsite/pages/test_webhooks.py", '"webhooks"'),
    "feedback/models/ledger.py": ("tests/feedback/services/test_ledger.py", ""),
    "feedback/models/sample_answer.py": ("tests/feedback/services/test_samples.py", ""),
    "feedback/models/public_report.py": ("tests/feedback/services/test_outcomes.py", ""),
    "feedback/models/training_config.py": ("tests/feedback/services/test_recipes.py", ""),
    "nsfwsite/api/serializers/problems.py": ("tests/nsfwsite/api/test_schema.py", "CONFORMANCE"),
    "feedback/errors.py": ("tests/nsfwsite/test_refusal_status.py", ""),
    "feedback/queries/doubtful_labels.py": (
        "tests/nsfwsite/pages/test_doubtful_labels.py",
        '"doubtful-labels"',
    ),
    # Commands are one call of a service, which is what these tests call.
    "feedback/management/commands/add_config.py": (
        "tests/feedback/services/test_recipes.py",
        "recipes.add_config(",
    ),
    "feedback/management/commands/add_token.py": (
        "tests/feedback/services/test_api_tokens.py",
        "add_token",
    ),
    "feedback/management/commands/backup.py": (
        "tests/feedback/services/test_backups.py",
        "backups.back_up(",
    ),
    "feedback/management/commands/fingerprint.py": (
        "tests/feedback/services/test_backups.py",
        "backups.fingerprint(",
    ),
    "feedback/management/commands/restore.py": (
        "tests/feedback/services/test_backups.py",
        "backups.restore(",
    ),
    "feedback/management/commands/find_traces.py": (
        "tests/feedback/services/test_traces.py",
        "find_traces",
    ),
    "feedback/management/commands/import_audit_set.py": (
        "tests/feedback/services/test_audit_sets.py",
        "import_audit_set",
    ),
    "feedback/management/commands/import_blocklist.py": (
        "tests/feedback/services/test_blocklist.py",
        "import_blocklist",
    ),
    "feedback/management/commands/verify_ledger.py": (
        "tests/feedback/services/test_ledger.py",
        "verify_ledger",
    ),
    "worker/celery.py": ("tests/worker/test_schedule.py", "celery import app"),
    # Declarations that the table of roles walks through, address by address.
    "nsfwsite/urls.py": ("tests/test_roles.py", "get_resolver"),
    "nsfwsite/accounts/urls.py": ("tests/test_roles.py", "get_resolver"),
    "nsfwsite/api/urls.py": ("tests/test_roles.py", "get_resolver"),
    "nsfwsite/audits/urls.py": ("tests/test_roles.py", "get_resolver"),
    "nsfwsite/demo/urls.py": ("tests/test_roles.py", "get_resolver"),
    "nsfwsite/pages/urls.py": ("tests/test_roles.py", "get_resolver"),
    # A call of the API is tested whole: address, permissions, request, answer.
    "nsfwsite/api/permissions.py": ("tests/test_roles.py", "every_operation_of_the_api"),
    "nsfwsite/api/serializers/challenges.py": (
        "tests/nsfwsite/api/test_challenges.py",
        "/api/v1/challenge/",
    ),
    "nsfwsite/api/serializers/classifications.py": (
        "tests/nsfwsite/api/test_classifications.py",
        "/api/v1/classifications/",
    ),
    "nsfwsite/api/serializers/index.py": ("tests/nsfwsite/api/test_index.py", "/api/v1/"),
    "nsfwsite/api/serializers/models.py": ("tests/nsfwsite/api/test_models.py", "/api/v1/models/"),
    "nsfwsite/api/serializers/reports.py": (
        "tests/nsfwsite/api/test_reports.py",
        "/api/v1/reports/",
    ),
    "nsfwsite/api/serializers/retrains.py": (
        "tests/nsfwsite/api/test_retrains.py",
        "/api/v1/retrains/",
    ),
    "nsfwsite/api/serializers/triage.py": ("tests/nsfwsite/api/test_triage.py", "/api/v1/triage/"),
    "nsfwsite/api/serializers/webhooks.py": (
        "tests/nsfwsite/api/test_webhooks.py",
        "/api/v1/webhooks/",
    ),
    "nsfwsite/body_limits.py": ("tests/nsfwsite/test_middleware.py", "BODY_MAX_BYTES"),
    # Parts of a page are tested on the page.
    "nsfwsite/audits/filters.py": ("tests/nsfwsite/audits/test_views.py", "unknown_filter"),
    "nsfwsite/audits/open_gaps.py": ("tests/browser/test_gap.py", "an open gap"),
    "nsfwsite/audits/signals.py": ("tests/feedback/services/test_signals.py", '"signals"'),
    "nsfwsite/audits/threshold_charts.py": (
        "tests/nsfwsite/audits/test_thresholds.py",
        '"threshold"',
    ),
    "nsfwsite/pages/emails.py": ("tests/feedback/services/test_emails.py", '"leave-mail"'),
    "nsfwsite/pages/quarantine.py": ("tests/feedback/services/test_quarantine.py", '"release"'),
    "nsfwsite/pages/report_form.py": ("tests/nsfwsite/pages/test_new_report.py", '"report"'),
    "nsfwsite/pages/safety_case.py": ("tests/nsfwsite/pages/test_safety.py", '"safety-case"'),
    "nsfwsite/templatetags/audit_pages.py": (
        "tests/nsfwsite/audits/test_questions.py",
        'reverse("threshold")',
    ),
    "nsfwsite/templatetags/occlusion.py": ("tests/nsfwsite/pages/test_review_tools.py", ""),
}
# Nothing in them but names: of packages, of migrations and of the Django application.
NOTHING_TO_TEST = re.compile(r"(.*/)?(__init__|apps)\.py|.*/migrations/.*")


def modules() -> list[str]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = sorted(str(path.relative_to(ROOT)) for path in paths)
    return [name for name in names if not NOTHING_TO_TEST.fullmatch(name)]


def mirrored(module: str) -> str:
    path = Path(module)
    return f"tests/{path.parent}/test_{path.name}"


def entry(module: str) -> tuple[str, str] | None:
    folder = f"{Path(module).parent}/"
    return TESTED_ELSEWHERE.get(module) or TESTED_ELSEWHERE.get(folder)


def own_names(module: str) -> set[str]:
    """The module itself, and its public classes, functions and constants."""
    names = {module.removesuffix(".py").replace("/", ".")}
    for node in ast.parse((ROOT / module).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.add(node.targets[0].id)
    return {name for name in names if not name.startswith("_")}


def is_used(module: str, *, test: str, text: str) -> bool:
    code = (ROOT / test).read_text()
    if text:
        return text in code
    return any(re.search(rf"\b{re.escape(name)}\b", code) for name in own_names(module))


@pytest.mark.parametrize("module", modules())
def test_a_module_has_a_test_in_its_place_or_in_the_map(module):
    if (ROOT / mirrored(module)).is_file():
        assert module not in TESTED_ELSEWHERE, f"{mirrored(module)} exists. Shorten the map."
        return
    assert entry(module), f"Write {mirrored(module)}, or say in the map which test runs {module}."
    test, text = entry(module)
    assert (ROOT / test).is_file()
    assert is_used(module, test=test, text=text), f"{test} does not use {module}."


def test_the_map_has_no_module_that_is_gone():
    gone = [name for name in TESTED_ELSEWHERE if not (ROOT / name).exists()]
    assert not gone


def test_every_test_in_a_package_has_its_module_or_says_what_it_is_of():
    """A test whose module was renamed is found; a test of several modules has a docstring."""
    strays = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / "tests" / package).rglob("test_*.py"))
        if not (ROOT / path.relative_to(ROOT / "tests").with_name(path.name[5:])).is_file()
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not strays, "Move these beside their module, or say in a docstring what they test."


@pytest.mark.parametrize(
    ("module", "test", "text"),
    [
        ("modeltrain/gate/judge.py", "tests/modeltrain/test_labels.py", ""),
        ("nsfwsite/pages/safety_case.py", "tests/modeltrain/test_labels.py", '"safety-case"'),
    ],
)
def test_a_test_that_does_not_use_the_module_is_told(module, test, text):
    assert not is_used(module, test=test, text=text)
