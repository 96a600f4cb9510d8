"""Each row of docs/renamed.md leads to a file or a name that exists, or says why it was deleted."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from setup.links import ROOT

PAGE = ROOT / "docs" / "renamed.md"
HEADING = re.compile(r"## (?:Names in `(?P<package>[\w.]+)`)?")
ROW = re.compile(r"\| `.+` \| (?P<now>.+) \|")
CODE = re.compile(r"`([^`]+)`")
NAME = re.compile(r"(?P<name>[\w.]+)(?:\((?P<parameter>\w+)=\))?")


def rows(page: Path) -> Iterator[tuple[str, str, str]]:
    """The package of each row's heading, its right cell, and the row."""
    package = ""
    for line in page.read_text().splitlines():
        if heading := HEADING.match(line):
            package = heading["package"] or ""
        elif row := ROW.fullmatch(line):
            yield package, row["now"], line


def rows_to_nowhere(page: Path) -> list[str]:
    return [row for package, now, row in rows(page) if not leads_somewhere(now, package)]


def leads_somewhere(now: str, package: str) -> bool:
    targets = CODE.findall(now)
    is_deletion = bool(re.match(r"deleted: \S", now))
    return (bool(targets) or is_deletion) and all(exists(target, package) for target in targets)


def exists(target: str, package: str) -> bool:
    if "/" in target:
        return (ROOT / target).exists()
    match = NAME.fullmatch(target)
    return match is not None and any(
        is_defined(name.split("."), match["parameter"])
        for name in (f"{package}.{match['name']}", match["name"])
    )


def is_defined(parts: list[str], parameter: str | None) -> bool:
    """Whether the parts are a module, or a name in it, and the name takes the parameter."""
    for length in range(len(parts), 0, -1):
        if module := module_file("/".join(parts[:length])):
            break
    else:
        return False
    node: ast.AST | None = syntax_tree(module)
    for name in parts[length:]:
        node = definitions(node).get(name)
    return node is not None and (parameter is None or parameter in parameters(node))


def module_file(place: str) -> Path | None:
    files = [ROOT / f"{place}.py", ROOT / place / "__init__.py"]
    return next((file for file in files if place and file.is_file()), None)


@cache
def syntax_tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def definitions(node: ast.AST | None) -> dict[str, ast.AST]:
    """What a module or class defines, also on `self`. Imported names are defined elsewhere."""
    if not isinstance(node, ast.Module | ast.ClassDef):
        return {}
    defined: dict[str, ast.AST] = {}
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined[name] = statement
            case ast.Assign(targets=targets):
                defined |= {name: statement for target in targets for name in names(target)}
            case ast.AnnAssign(target=target):
                defined |= {name: statement for name in names(target)}
    if isinstance(node, ast.ClassDef):
        defined |= {
            attribute.attr: attribute
            for attribute in ast.walk(node)
            if isinstance(attribute, ast.Attribute)
            and isinstance(attribute.ctx, ast.Store)
            and ast.unparse(attribute.value) == "self"
        }
    return defined


def names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def parameters(node: ast.AST) -> set[str]:
    if not isinstance(node, ast.FunctionDef):
        return set()
    return {argument.arg for argument in node.args.args + node.args.kwonlyargs}


def test_every_row_leads_somewhere():
    assert list(rows(PAGE)), "The page has no table."
    assert rows_to_nowhere(PAGE) == [], "Correct these rows of docs/renamed.md."


def test_rows_to_nowhere_are_found(tmp_path):
    good = [
        "## Modules",
        "| `modeltrain/gate.py` | `modeltrain/gate/judge.py` |",
        "## Names in `modeltrain.gate`",
        "| `gate.a` | `judge.PASS` |",
        "| `gate.b` | `policy.Policy.fewest_images` and `feedback.roles.is_safety` |",
        "| `gate.c(d=)` | `judge.judge(policy=)` |",
        "| `gate.e` | deleted: nothing used it |",
    ]
    bad = [
        "| `gate.f` | `judge.gone` |",
        "| `gate.g` | `policy.Policy.gone` |",
        "| `gate.h` | `judge.judge(gone=)` |",
        "| `gate.i` | `gone.judge` |",
        "| `gate.j` | `feedback.roles.gone` and `judge.PASS` |",
        "| `gate.k` | deleted: see `judge.gone` |",
        "| `gate.l` | deleted |",
        "| `gate.m` | somewhere |",
        "| `modeltrain/gone.py` | `modeltrain/gate/gone.py` |",
    ]
    page = tmp_path / "page.md"
    page.write_text("\n".join(good + bad))
    assert rows_to_nowhere(page) == bad
