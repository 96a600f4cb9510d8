"""The scripts write numbers exactly as Python does, ties and minus signs included."""

import json
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from modeltrain import formatting

SOURCES = Path(__file__).resolve().parents[3] / "nsfwsite" / "static" / "src"
CASES = json.loads((Path(__file__).parent / "format_cases.json").read_text())


def in_node(function: str, arguments: list[list[float]]) -> list[str]:
    """What a function of format.js returns for each list of arguments."""
    script = (
        'import { readFileSync } from "node:fs";'
        f'import {{ {function} }} from "./format.js";'
        "const calls = JSON.parse(readFileSync(0));"
        f"console.log(JSON.stringify(calls.map((call) => {function}(...call))));"
    )
    node = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        cwd=SOURCES,
        check=False,
    )
    assert node.returncode == 0, node.stderr
    texts: list[str] = json.loads(node.stdout)
    return texts


def rates() -> list[float]:
    """Shares of small counts, every tie of a quarter of a tenth, and numbers by chance."""
    chance = random.Random(11)
    shares = [count / n for n in range(1, 130) for count in range(n + 1)]
    ties = [quarter / 400 for quarter in range(-400, 401)]
    return shares + ties + [chance.uniform(-1, 1) for _ in range(5000)]


def in_python(name: str) -> Callable[..., str]:
    """The same formatter: `wholePercent` is `whole_percent`."""
    return getattr(formatting, re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name))


def test_every_case_of_the_table_in_both_languages() -> None:
    for name, cases in CASES.items():
        arguments, texts = [case[:-1] for case in cases], [case[-1] for case in cases]
        assert in_node(name, arguments) == texts
        assert [in_python(name)(*numbers) for numbers in arguments] == texts


@pytest.mark.parametrize("name", ["percent", "wholePercent", "points"])
def test_scripts_round_as_python_rounds(name) -> None:
    numbers = rates()
    texts = in_node(name, [[number] for number in numbers])
    assert texts == [in_python(name)(number) for number in numbers]


def test_scripts_write_intervals_as_python_does() -> None:
    numbers = rates()
    pairs = [list(pair) for pair in zip(numbers, reversed(numbers), strict=True)]
    assert in_node("interval", pairs) == [formatting.interval(low, high) for low, high in pairs]
