"""Names that say how a value came to be are found; the same words in sentences and keys are not."""

import ast
import subprocess

import pytest

from setup import vague_names
from setup.vague_names import Place


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "for found in rows: pass",
        "def found(): pass",
        "class found: pass",
        "def f(found): pass",
        "lambda found: 1",
        "f(found=1)",
        "row.found",
        "import found",
        "import rows as found",
        "from rows import found",
        "try: pass\nexcept ValueError as found: pass",
        "match row:\n    case [found]: pass",
    ],
)
def test_an_identifier_is_found_once(code):
    ((_, _, name),) = vague_names.identifiers(ast.parse(code))
    assert name == "found"


@pytest.mark.parametrize(
    "code", ["# found", "'''One was found.'''", "row['found']", "founder = found_at = 1"]
)
def test_prose_keys_and_longer_names_are_not(code):
    assert list(vague_names.identifiers(ast.parse(code))) == []


def test_a_name_has_the_class_and_the_function_around_it():
    code = "found = 1\nclass Row:\n    found = 1\n    def f(self):\n        found = 1"
    names = list(vague_names.identifiers(ast.parse(code)))
    assert names == [(1, "", "found"), (3, "Row", "found"), (5, "Row.f", "found")]


@pytest.mark.parametrize("place", vague_names.LEFT)
def test_what_stays_is_still_there_as_many_times(place):
    tree = ast.parse((vague_names.ROOT / place.path).read_text())
    places = [Place(place.path, scope, name) for _, scope, name in vague_names.identifiers(tree)]
    assert places.count(place) == vague_names.LEFT[place]


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        (Place("feedback/models/email_address.py", "", "told"), [3]),
        (Place("feedback/models/email_address.py", "EmailAddress", "told"), [28, 40]),
        (Place("feedback/models/new.py", "EmailAddress", "told"), [28]),
    ],
    ids=["another scope", "another use", "another file"],
)
def test_an_allowance_is_for_its_place_alone(place, lines):
    assert len(vague_names.excess({place: lines})) == len(lines)


def test_a_file_that_git_does_not_track_yet_is_read(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    for name in ("new.py", "ignored.py"):
        (tmp_path / name).write_text("found = 1\n")
    monkeypatch.setattr(vague_names, "ROOT", tmp_path)
    assert vague_names.python_files() == ["new.py"]
    assert vague_names.main() == 1
