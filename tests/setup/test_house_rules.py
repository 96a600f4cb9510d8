"""The rules of this project: what breaks one is named, with what to do instead."""

import ast
from pathlib import Path

import pytest

from setup import house_rules


def findings(rule, code: str, path: str = "feedback/services/somewhere.py") -> list[str]:
    return list(rule(Path(path), ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "import os\nlimit = os.environ['LIMIT']",
        "import os\nlimit = os.environ.get('LIMIT', '3')",
        "import os\nlimit = os.getenv('LIMIT')",
        "import os\nsubprocess.run(command, env={**os.environ})",
        "from os import environ",
        "from os import getenv as setting",
        "from os import *",
        "import os as system\nlimit = system.environ['LIMIT']",
        "import os.path\nlimit = os.environ['LIMIT']",
        "import environ",
        "from environ import Env",
        "import environ as settings",
    ],
)
def test_a_setting_that_is_read_outside_of_its_file_is_a_finding(code):
    rule = house_rules.settings_are_read_in_one_file
    (finding,) = findings(rule, code)
    line = len(code.splitlines())
    assert finding.startswith(f"feedback/services/somewhere.py:{line} reads the environment.")
    assert findings(rule, code, "nsfwsite/env.py") == []


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.nice(10)",
        "from os import fsync",
        "x.environ",
        "import os.path as paths\npaths.join(a, b)",
        "from tests import environment",
    ],
)
def test_other_uses_of_os_are_fine(code):
    assert findings(house_rules.settings_are_read_in_one_file, code) == []


def test_an_import_inside_a_function_of_modeltrain_is_a_finding():
    rule = house_rules.modeltrain_imports_at_the_top
    code = "import numpy\ndef convert():\n    import keras"
    (finding,) = findings(rule, code, "modeltrain/network/somewhere.py")
    assert finding.startswith("modeltrain/network/somewhere.py:3 imports inside convert.")
    assert findings(rule, code, "modeltrain/verbs/somewhere_verb.py") == []
    assert findings(rule, code, "feedback/services/somewhere.py") == []
    assert findings(rule, "if TYPE_CHECKING:\n    import keras", "modeltrain/somewhere.py") == []


@pytest.mark.parametrize("path", house_rules.IMPORTS_LATER)
def test_a_module_that_may_import_later_does(path, monkeypatch):
    code = (house_rules.ROOT / path).read_text()
    monkeypatch.delitem(house_rules.IMPORTS_LATER, path)
    assert findings(house_rules.modeltrain_imports_at_the_top, code, path)


@pytest.mark.parametrize("path", house_rules.USES_ENVIRONMENT)
def test_a_file_that_may_use_the_environment_does(path, monkeypatch):
    code = (house_rules.ROOT / path).read_text()
    assert findings(house_rules.settings_are_read_in_one_file, code, path) == []
    monkeypatch.delitem(house_rules.USES_ENVIRONMENT, path)
    assert findings(house_rules.settings_are_read_in_one_file, code, path)


@pytest.mark.parametrize(
    "code",
    [
        "image.file.delete()",
        "example.image.file.storage.delete(name)",
        "storages['images'].delete(name)",
        "StoredImage.objects.filter(pk=1).delete()",
        "example.image.delete()",
        "image.delete()",
    ],
)
def test_a_stored_image_is_deleted_in_one_file(code):
    rule = house_rules.stored_images_are_deleted_in_one_file
    (finding,) = findings(rule, code)
    assert finding.startswith("feedback/services/somewhere.py:1 deletes a stored image.")
    assert findings(rule, code, "feedback/services/images.py") == []
    assert findings(rule, "report.delete()\nstorages['incoming'].delete(name)") == []
    assert findings(rule, "images = StoredImage.objects.all()\nimages.delete()")


@pytest.mark.parametrize(
    "code",
    [
        "return JsonResponse(body, status=503)",
        "return Response(body, 404)",
        "response = HttpResponse(status=200 if ready else 503)",
        "response.status_code = 422",
        "from django.http import HttpResponseBadRequest",
        "return http.HttpResponseNotFound()",
        "from rest_framework import status",
        "from rest_framework.status import HTTP_404_NOT_FOUND as missing",
        "import rest_framework.status as codes",
        "return Response(status=codes.HTTP_409_CONFLICT)",
        "return HttpResponse(status=HTTPStatus.CONFLICT)",
        "return HttpResponse(status=http.HTTPStatus.CONFLICT)",
        "from http import HTTPStatus as Status",
    ],
)
def test_a_status_outside_of_its_file_is_a_finding(code):
    rule = house_rules.one_file_knows_the_statuses
    (finding,) = set(findings(rule, code, "nsfwsite/pages/somewhere.py"))
    assert finding.startswith("nsfwsite/pages/somewhere.py:1 says which HTTP status an error has.")
    assert findings(rule, code, "nsfwsite/refusal_status.py") == []


def test_a_status_in_another_package_is_a_finding_and_another_number_is_not():
    rule = house_rules.one_file_knows_the_statuses
    assert len(findings(rule, "answer(status=404)")) == 1
    assert findings(rule, "words = TextField(max_length=500)") == []
    fine = "Response(body, status=201)\nraise Http404\nHttpResponseRedirect(url)\nHTTPStatus(code)"
    assert findings(rule, fine, "nsfwsite/pages/somewhere.py") == []


@pytest.mark.parametrize(("path", "numbers"), house_rules.OTHER_NUMBERS.items())
def test_a_number_that_is_no_status_is_still_there(path, numbers, monkeypatch):
    rule = house_rules.one_file_knows_the_statuses
    code = (house_rules.ROOT / path).read_text()
    assert findings(rule, code, path) == []
    monkeypatch.delitem(house_rules.OTHER_NUMBERS, path)
    assert len(findings(rule, code, path)) == len(numbers)


@pytest.mark.parametrize(
    "code",
    [
        "f'{rate:.1%}'",
        "f'{rate:%}'",
        "f'{rate:>6.{digits}%}'",
        "f'{rate * 100:.1f}%'",
        "f'{share} % of them'",
        "'{:.1%}'.format(rate)",
        "'{rate:.0f} %'.format(rate=rate)",
        "'%.1f%%' % rate",
        "format(rate, '.1%')",
        "str(round(rate * 100)) + '%'",
    ],
)
def test_a_percentage_that_is_formatted_elsewhere_is_a_finding(code):
    rule = house_rules.percentages_have_one_formatter
    (finding,) = findings(rule, code)
    assert finding.startswith("feedback/services/somewhere.py:1 formats a percentage.")
    assert findings(rule, code, "modeltrain/formatting.py") == []


@pytest.mark.parametrize(
    "code", ["f'{day:%Y-%m-%d}'", "f'{a}%3D{b}'", "text.replace(' %', '%')", "number % 100"]
)
def test_other_percent_signs_are_fine(code):
    assert findings(house_rules.percentages_have_one_formatter, code) == []


def test_only_charts_may_tell_vega_how_to_write_ticks():
    rule = house_rules.percentages_have_one_formatter
    assert findings(rule, "axis = {'format': '.0%'}")
    assert findings(rule, "axis = {'format': '.0%'}", "nsfwsite/audits/charts/marks.py") == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("static/src/rates.js", "const text = `${(rate * 100).toFixed(1)}%`;"),
        ("static/src/rates.js", "const text = (rate * 100).toFixed(1) + '%';"),
        ("static/src/rates.js", "new Intl.NumberFormat('en', { style: 'percent' })"),
        ("templates/rates.html", "<td>{{ rate|floatformat:1 }}%</td>"),
        ("templates/rates.html", "<td>{{ rate }} %</td>"),
    ],
)
def test_a_percentage_in_a_script_or_template_is_a_finding(name, line, tmp_path, monkeypatch):
    path = tmp_path / "nsfwsite" / name
    path.parent.mkdir(parents=True)
    path.write_text(f"\n{line}\n")
    (path.parent / "format.js").write_text("export const percent = (rate) => `${rate}%`;\n")
    (path.parent / "fine.html").write_text("{% if a %}{{ rate|percent }}{% endif %}\n")
    monkeypatch.setattr(house_rules, "ROOT", tmp_path)
    (finding,) = house_rules.pages_and_scripts_have_one_formatter()
    assert finding.startswith(f"nsfwsite/{name}:2 formats a percentage.")


@pytest.mark.parametrize(
    "code",
    [
        "app.send_task('upkeep.erase_files_task')",
        "task.delay(1)",
        "task.apply_async()",
    ],
)
def test_a_task_that_is_sent_within_a_transaction_is_a_finding(code) -> None:
    assert findings(house_rules.no_bare_delay, code)


def test_a_limit_of_none_is_no_limit() -> None:
    code = "@shared_task(name='a', soft_time_limit=None, time_limit=60)\ndef a_task(): pass"
    (finding,) = findings(house_rules.tasks_have_limits, code, "worker/tasks/a.py")
    assert "lacks soft_time_limit" in finding


def test_labels_as_pairs_are_a_list_of_labels_too() -> None:
    code = "[('drawings', 'Drawings'), ('neutral', 'Neutral'), ('porn', 'Porn')]"
    assert findings(house_rules.one_file_knows_the_labels, code)


@pytest.mark.parametrize(
    ("name", "line", "colour"),
    [
        ("static/src/styles/demo.css", "  background: #fff;", "#fff"),
        ("static/src/styles/demo.css", "  color: rgb(0 0 0 / 50%);", "rgb("),
        ("static/src/styles/demo.css", "  border: 1px solid white;", "white"),
        ("static/src/site.js", 'context.fillStyle = "#FFFFFF80";', "#FFFFFF80"),
        ("templates/bars.html", '<rect fill="#0e6663"/>', "#0e6663"),
        ("static/src/mark.svg", '<path fill="#0e6664"/>', "#0e6664"),
    ],
)
def test_a_colour_outside_of_the_palette_is_a_finding(name, line, colour, tmp_path, monkeypatch):
    path = tmp_path / "nsfwsite" / name
    palette = tmp_path / house_rules.PALETTE
    for file in (path, palette):
        file.parent.mkdir(parents=True, exist_ok=True)
    palette.write_text('{"both": {"white": "#fff", "teal": "#0e6663"}}')
    path.write_text(f"\n{line}\n")
    (path.parent / "fine.css").write_text("  color: var(--white);\n  white-space: nowrap;\n")
    (path.parent / "fine.svg").write_text('<path fill="#0e6663"/>')
    (path.parent / "fine.html").write_text('<a href="#add">grey and blurred</a>')
    (path.parent / "fine.js").write_text('const white = "#faces";')
    monkeypatch.setattr(house_rules, "ROOT", tmp_path)
    (finding,) = house_rules.pages_and_scripts_take_colours_from_the_palette()
    assert finding.startswith(f"nsfwsite/{name}:2 has the colour {colour}.")


def test_a_colour_of_a_chart_is_a_finding() -> None:
    rule = house_rules.colours_come_from_the_palette
    (finding,) = findings(rule, "mark = {'color': '#0072b2'}", "nsfwsite/audits/charts/marks.py")
    assert finding.startswith("nsfwsite/audits/charts/marks.py:1 has the colour #0072b2.")
    assert findings(rule, "ink = Ink('#0072b2')", "modeltrain/demo/sources.py") == []


def test_two_classes_of_one_name_are_a_finding(tmp_path, monkeypatch) -> None:
    code = "class {}: pass\nclass _Row: pass\nclass Command: pass\n"
    for package, name in (("feedback", "Pool"), ("worker", "Pool"), ("modeltrain", "Units")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "rows.py").write_text(code.format(name))
    monkeypatch.setattr(house_rules, "ROOT", tmp_path)
    (finding,) = house_rules.public_classes_have_names_of_their_own()
    assert finding.startswith("feedback/rows.py and worker/rows.py each have a class Pool.")


@pytest.mark.parametrize("name", house_rules.SHARED_CLASS_NAMES)
def test_a_name_that_classes_may_share_is_shared(name, monkeypatch) -> None:
    monkeypatch.delitem(house_rules.SHARED_CLASS_NAMES, name)
    assert any(
        f"a class {name}." in text for text in house_rules.public_classes_have_names_of_their_own()
    )
