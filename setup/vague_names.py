"""Find values that are named after how they came to be: each, found, one, made, said, told, kept.

    .venv/bin/python setup/vague_names.py  # every one, and the counts

Exits 1 if there are more than those below, which have to stay.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT

WORDS = frozenset({"each", "found", "one", "made", "said", "told", "kept"})
LEFT = {
    ("feedback/models/email_address.py", "told"): "a column",
    ("feedback/services/emails.py", "told"): "the same column",
    ("modeltrain/audit/columns.py", "said"): "a name in the files of predictions",
    ("tests/modeltrain/audit/test_columns.py", "said"): "the same name",
    ("nsfwsite/api/serializers/classifications.py", "said"): "a field of the API",
    ("nsfwsite/api/serializers/reports.py", "said"): "a field of the API",
    ("nsfwsite/api/serializers/reports.py", "kept"): "a field of the API",
}


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines and names of variables, attributes, parameters, functions, classes and imports."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if name in WORDS:
                yield getattr(node, "lineno", 0), name


def main() -> int:
    listing = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    words = re.compile(rf"\b({'|'.join(sorted(WORDS))})\b")
    lines = occurrences = left = 0
    wrong = []
    for path in listing.stdout.splitlines():
        text = (ROOT / path).read_text()
        lines += sum(bool(words.search(line)) for line in text.splitlines())
        occurrences += len(words.findall(text))
        for line, name in identifiers(ast.parse(text)):
            if (path, name) in LEFT:
                left += 1
            else:
                wrong.append(f"{path}:{line} {name}: name the value after what it holds.")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    prose = occurrences - left - len(wrong)
    print(f"{lines:,} lines have such a word: {prose:,} times in prose and texts,")
    print(f"{left} times as identifiers that stay, {len(wrong)} times as identifiers to rename.")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
