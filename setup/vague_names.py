"""Find values that are named after how they came to be, such as found, made or known.

    .venv/bin/python setup/vague_names.py  # every one, and the counts

It reads every Python file that git does not ignore, also a new one. Exits 1 if there are other such
names than those below, which have to stay.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT

WORDS = frozenset({"each", "found", "one", "made", "said", "told", "kept", "known", "asked"})


class Place(NamedTuple):
    """Where a name stands: its file, and the class and function around it."""

    path: str
    scope: str
    name: str


# How many times each stays: columns of a table, names in files of predictions, fields of the API.
LEFT = {
    Place("feedback/models/email_address.py", "EmailAddress", "told"): 1,
    Place("feedback/services/emails.py", "confirm", "told"): 1,
    Place("feedback/services/emails.py", "send", "told"): 1,
    Place(
        "tests/feedback/services/test_emails.py",
        "test_an_address_takes_the_place_of_an_earlier_one",
        "told",
    ): 1,
    Place(
        "tests/feedback/services/test_emails.py",
        "test_an_email_that_fails_is_due_again_later_and_counts",
        "told",
    ): 2,
    Place(
        "tests/feedback/services/test_emails.py",
        "test_an_email_that_another_worker_claimed_is_not_sent_twice.claim",
        "told",
    ): 1,
    Place("modeltrain/audit/columns.py", "write", "said"): 1,
    Place("tests/modeltrain/audit/test_columns.py", "test_objects_are_never_unpickled", "said"): 1,
    Place("nsfwsite/api/serializers/classifications.py", "RightInput", "said"): 1,
    Place("nsfwsite/api/serializers/reports.py", "ExampleOutput", "kept"): 1,
    Place("nsfwsite/api/serializers/reports.py", "AnswerOutput", "said"): 1,
}


def identifiers(tree: ast.AST, scope: str = "") -> Iterator[tuple[int, str, str]]:
    """Lines, scopes and names of variables, attributes, parameters, definitions and imports."""
    for node in ast.iter_child_nodes(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if name in WORDS:
                yield getattr(node, "lineno", 0), scope, name
        inner = scope
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{node.name}".lstrip(".")
        yield from identifiers(node, inner)


def python_files() -> list[str]:
    """Paths of all Python files that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listing.stdout.splitlines() if (ROOT / path).is_file()]


def excess(places: dict[Place, list[int]]) -> list[str]:
    """What to rename: names where none is to stay, or more of them than are to stay."""
    return [
        f"{place.path}:{line} {place.name}: name the value after what it holds."
        for place, lines in places.items()
        if len(lines) > LEFT.get(place, 0)
        for line in lines
    ]


def main() -> int:
    words = re.compile(rf"\b({'|'.join(sorted(WORDS))})\b")
    lines = occurrences = 0
    places: dict[Place, list[int]] = {}
    for path in python_files():
        text = (ROOT / path).read_text()
        lines += sum(bool(words.search(line)) for line in text.splitlines())
        occurrences += len(words.findall(text))
        for line, scope, name in identifiers(ast.parse(text)):
            places.setdefault(Place(path, scope, name), []).append(line)
    wrong = excess(places)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    identifier_count = sum(map(len, places.values()))
    print(
        f"{lines:,} lines have such a word: {occurrences - identifier_count:,} times in prose and"
    )
    print(f"texts, {identifier_count - len(wrong)} times as identifiers that stay,")
    print(f"{len(wrong)} times as identifiers to rename.")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
