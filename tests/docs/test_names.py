"""Paths and dotted names in the docs exist. docs/renamed.md has old ones, so it is left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from setup import links

PAGES = [page for page in links.pages() if page.name != "renamed.md"]
PATH = re.compile(r"(?:nsfwsite|worker|feedback|modeltrain|bench|setup|tests|docs)/[\w/.-]*")
DOTTED_NAME = re.compile(r"(?:nsfwsite|worker|feedback|modeltrain)(?:\.\w+)+")


def code_of(page: Path) -> Iterator[str]:
    """The words of a page that are code, in a line or in a block."""
    for token in links.parse(page):
        for part in [token, *(token.children or [])]:
            if part.type in {"code_inline", "fence"}:
                yield from part.content.split()


def exists(dotted_name: str) -> bool:
    """Whether a name is a module or package, or is defined at the top level of one."""
    place = links.ROOT / dotted_name.replace(".", "/")
    module, name = place.parent.with_suffix(".py"), place.name
    return (
        place.is_dir()
        or place.with_suffix(".py").is_file()
        or (module.is_file() and name in definitions(module))
    )


def definitions(module: Path) -> set[str]:
    nodes = ast.parse(module.read_text()).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def wrong_names(page: Path) -> list[str]:
    words = set(code_of(page))
    paths = {word for word in words if PATH.fullmatch(word)}
    dotted_names = {word for word in words if DOTTED_NAME.fullmatch(word)}
    return sorted(
        {path for path in paths if not (links.ROOT / path).exists()}
        | {name for name in dotted_names - paths if not exists(name)}
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(links.ROOT)))
def test_paths_and_names_in_code_exist(page):
    assert wrong_names(page) == [], "Correct these names in the page."


def test_a_wrong_name_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "`modeltrain.gate.judge.judge` `modeltrain.gate.gone` `bench/loop.py` `bench/gone.py`\n\n"
        "```\npython bench/gone_too.py\n```\n"
    )
    assert wrong_names(page) == ["bench/gone.py", "bench/gone_too.py", "modeltrain.gate.gone"]
