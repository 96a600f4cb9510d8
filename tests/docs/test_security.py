"""docs/security.md has every requirement once, and the tests that it names exist."""

import ast
import re
from collections import Counter
from functools import cache

from setup.links import ROOT

PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"\| (V[\d.]+(?:, V[\d.]+)*) \| [^|]+ \| ([^|]+) \| (.+) \|")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
STATES = {"met", "in part", "**not met**", "does not apply"}
# How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has.
REQUIREMENTS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}


def rows() -> list[tuple[list[str], str, str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| V")]
    matches = [ROW.fullmatch(line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [(match[1].split(", "), match[2], match[3]) for match in matches if match]


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_requirement_is_there_once() -> None:
    ids = [number for numbers, _, _ in rows() for number in numbers]
    assert [number for number, times in Counter(ids).items() if times > 1] == []
    assert Counter(int(number[1:].split(".")[0]) for number in ids) == REQUIREMENTS


def test_every_requirement_has_a_state_and_a_reason() -> None:
    assert {state for _, state, _ in rows()} == STATES
    assert all(reason.strip() for _, _, reason in rows())


def test_every_test_that_is_named_exists() -> None:
    named = [test for _, _, reason in rows() for test in TEST.findall(reason)]
    assert len(named) > 100
    assert [test for test in named if test[1] not in functions(test[0])] == []


def test_the_page_counts_them() -> None:
    counts: Counter[str] = Counter()
    for numbers, state, _ in rows():
        counts[state] += len(numbers)
    assert (
        f"Of {counts.total()} requirements, {counts['met']} are met, {counts['in part']} in part "
        f"and {counts['**not met**']} are not; {counts['does not apply']} do not apply."
    ) in PAGE.read_text()
