"""The scripts write numbers exactly as Python does, ties and minus signs included."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def assert_same(function: str, expected: Callable[[float], str]) -> None:
    numbers = rates()
    texts = in_node(function, [[number] for number in numbers])
    wrong = [
        (number, text, expected(number))
        for number, text in zip(numbers, texts, strict=True)
        if text != expected(number)
    ]
    assert wrong == []


def test_every_case_of_the_table() -> None:
    for function, cases in CASES.items():
        assert in_node(function, [case[:-1] for case in cases]) == [case[-1] for case in cases]


def test_percentages_are_rounded_as_python_rounds() -> None:
    assert_same("percent", lambda rate: f"{rate * 100:.1f}%".replace("-", "−"))


def test_points_are_rounded_as_python_rounds() -> None:
    assert_same("points", lambda difference: f"{difference * 100:+.1f}".replace("-", "−"))
