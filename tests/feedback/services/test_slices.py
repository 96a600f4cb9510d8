"""A region that a maintainer names becomes a group in every audit of its set."""

from pathlib import Path

import pytest
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import (
    Audit,
    AuditSet,
    AxisValue,
    DatasetVersion,
    Finding,
    LedgerEntry,
    ModelVersion,
    NamedSlice,
    Retrain,
)
from feedback.services import (
    audits,
    ledger,
    manifests,
    retrains,
    slices,
    training_process,
)
from modeltrain.audit import evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.gate import judge
from modeltrain.labels import LABELS
from tests.cast import finished_audit
from worker.tasks.audits import recount_audit_task
from worker.tasks.upkeep import pick_up_lost_work_task

IMAGES = 60
HASHES = [f"{n:064x}" for n in range(IMAGES)]
FLAGS, MORE = HASHES[:35], HASHES[30:50]


def answers(*, wrong: int) -> list[Predicted]:
    """Answers to sixty drawings, the first of them wrong."""
    return [
        Predicted(
            sha256=sha256,
            cluster=str(n),
            expected="drawings",
            groups={"medium": "vector"},
            scores=dict.fromkeys(LABELS, 0.0) | {("neutral" if n < wrong else "drawings"): 1.0},
        )
        for n, sha256 in enumerate(HASHES)
    ]


@pytest.fixture
def audited(champion, axes) -> Audit:
    rows = [
        Row(sha256, "drawings", {"medium": "vector"}, "audit", "test", str(n))
        for n, sha256 in enumerate(HASHES)
    ]
    audit_set = AuditSet.objects.create(
        name="small", manifest_sha256=manifests.publish(rows), images=IMAGES
    )
    return finished_audit(champion, audit_set, answers(wrong=20))


@pytest.fixture
def slice_finding(audited) -> Finding:
    return Finding.objects.create(
        audit=audited,
        kind="slices",
        status="done",
        figures=[{"members": FLAGS}, {"members": MORE}],
        finished_at=timezone.now(),
    )


def recount() -> None:
    for pk in queries.pending_work.audits_to_recount():
        recount_audit_task(pk)


def counted(audit: Audit) -> dict:
    audit.refresh_from_db()
    cells = audit.figures["groups"].get("slice", {})
    return {value: (cell["error"]["count"], cell["n"]) for value, cell in cells.items()}


def test_a_named_slice_is_counted_in_finished_audits(slice_finding, mona) -> None:
    finished = slice_finding.audit.finished_at
    slices.name(finding=slice_finding, region=0, title="  Flags ", by=mona)
    recount()
    assert counted(slice_finding.audit) == {"flags": (20, 35)}
    assert slice_finding.audit.finished_at == finished
    assert queries.pending_work.audits_to_recount() == []
    value = AxisValue.objects.get(axis__name="slice")
    assert (value.name, value.title) == ("flags", "Flags")


def test_naming_does_not_change_the_manifest(slice_finding, mona) -> None:
    before = slice_finding.audit.audit_set.manifest.read_bytes()
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    assert slice_finding.audit.audit_set.manifest.read_bytes() == before


def test_an_image_keeps_its_first_name(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    slices.name(finding=slice_finding, region=1, title="Maps", by=mona)
    recount()
    assert counted(slice_finding.audit) == {"flags": (20, 35), "maps": (0, 15)}
    with pytest.raises(WrongState, match="0 have none"):
        slices.name(finding=slice_finding, region=1, title="Signs", by=mona)


def test_a_name_cannot_be_given_twice(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    with pytest.raises(WrongState, match="once in a set"):
        slices.name(finding=slice_finding, region=1, title="flags", by=mona)


@pytest.mark.parametrize("title", ["", " !? ", "x" * 81])
def test_a_name_without_letters_is_refused(slice_finding, mona, title) -> None:
    with pytest.raises(Invalid, match="letters or digits"):
        slices.name(finding=slice_finding, region=0, title=title, by=mona)


@pytest.mark.parametrize("region", [-1, 2])
def test_an_unknown_region_cannot_be_named(slice_finding, mona, region) -> None:
    with pytest.raises(Invalid, match="region that was found"):
        slices.name(finding=slice_finding, region=region, title="Flags", by=mona)


def test_the_gate_sees_the_slice_in_both_models(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    later = finished_audit(candidate, slice_finding.audit.audit_set, answers(wrong=34))
    judged = audits.compare(before=slice_finding.audit, after=later)
    cell = next(
        cell
        for cell in judged["cells"]
        if (cell["axis"], cell["measure"]) == ("slice", "confusion")
    )
    assert (cell["value"], cell["n"], cell["newly_wrong"]) == ("flags", 35, 14)
    assert judged == judge.judge(
        champion=audits.predictions_of(slice_finding.audit), candidate=audits.predictions_of(later)
    )


def test_a_later_audit_counts_a_named_slice(slice_finding, mona, monkeypatch) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    audit = audits.request(model=candidate, audit_set=slice_finding.audit.audit_set)
    predicted = {prediction.sha256: prediction for prediction in answers(wrong=3)}
    monkeypatch.setattr("feedback.services.models.classifier_of", lambda model: None)
    monkeypatch.setattr(
        evaluate,
        "predict",
        lambda classifier, rows, *rest: [predicted[row.sha256] for row in rows],
    )
    for part in audits.start(pk=audit.pk):
        audits.predict_part(pk=audit.pk, part=part)
    audits.count_errors(pk=audit.pk)
    assert counted(audit) == {"flags": (3, 35)}


def test_a_name_can_be_taken_back_and_by_whom_is_recorded(slice_finding, mona, ravi) -> None:
    named = slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    slices.take_back(named=named, by=ravi)
    recount()
    assert counted(slice_finding.audit) == {}
    assert not AxisValue.objects.filter(axis__name="slice").exists()
    assert (named.named_by, named.taken_back_by) == (mona, ravi)
    with pytest.raises(WrongState, match="once"):
        slices.take_back(named=named, by=ravi)
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    assert NamedSlice.objects.count() == 2


def test_an_unchanged_recount_adds_no_ledger_entry(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    for _ in range(2):
        recount_audit_task(slice_finding.audit.pk)
    assert LedgerEntry.objects.filter(kind="audit").count() == 2  # before and after


def test_no_reporter_can_claim_a_named_slice(slice_finding, mona, filed) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    assert "slice" not in {axis.name for axis in queries.groups.stated_axes()}
    with pytest.raises(Invalid, match="slice"):
        filed(groups={"slice": "flags"})


def test_the_ledger_holds_the_latest_recount(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    assert list(ledger.contradictions()) == []
    Audit.objects.update(figures={"error": 0})
    assert "is not what the database holds" in next(iter(ledger.contradictions()))


def test_the_schedule_resumes_a_lost_recount(slice_finding, mona, inference_worker) -> None:
    from tests.flows.api import wait_until

    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    pick_up_lost_work_task()
    wait_until(lambda: counted(slice_finding.audit) == {"flags": (20, 35)}, 30)


def test_a_retrain_judges_both_models_by_the_slices_of_its_start(
    slice_finding, mona, monkeypatch
) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    row = Row("d" * 64, "neutral", {}, "train", "demo", "owl")
    retrain = Retrain.objects.create(
        status="approved",
        base=slice_finding.audit.model,
        dataset=DatasetVersion.objects.create(
            number=1, manifest_sha256=manifests.publish([row]), images=1, added=1
        ),
        config="head",
        proposed_by=mona,
        approved_by=mona,
        approved_at=timezone.now(),
    )
    options = {}

    def stopped(arguments, **_):
        slices.name(finding=slice_finding, region=1, title="Maps", by=mona)
        options.update(argument.removeprefix("--").split("=") for argument in arguments[1:])
        raise training_process.ProcessFailed("stopped here")

    monkeypatch.setattr(training_process, "run", stopped)
    retrains.run(pk=retrain.pk)
    audited = manifest.read(Path(options["audit-manifest"]))
    champion = evaluate.read_answers(Path(options["champion-predictions"]))
    groups = {row.sha256: row.groups for row in audited}
    assert groups == {prediction.sha256: prediction.groups for prediction in champion}
    assert {values.get("slice") for values in groups.values()} == {"flags", None}
