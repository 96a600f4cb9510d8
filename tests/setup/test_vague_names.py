"""Names that say how a value came to be are found; the same words in sentences and keys are not."""

import ast

import pytest

from setup import vague_names


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
    ((_, name),) = vague_names.identifiers(ast.parse(code))
    assert name == "found"


@pytest.mark.parametrize(
    "code", ["# found", "'''One was found.'''", "row['found']", "founder = found_at = 1"]
)
def test_prose_keys_and_longer_names_are_not(code):
    assert list(vague_names.identifiers(ast.parse(code))) == []


@pytest.mark.parametrize(("path", "name"), vague_names.LEFT)
def test_what_stays_is_still_there(path, name):
    tree = ast.parse((vague_names.ROOT / path).read_text())
    assert name in {name for _, name in vague_names.identifiers(tree)}
