"""Write docs/settings.md from the declarations in nsfwsite/env.py.

With --check, write nothing and fail when the file is out of date.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nsfwsite.env import declarations
from setup.steps import ROOT

PAGE = ROOT / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

Every setting is an environment variable with a default that suits one machine. An empty variable
counts as one that is not set; a wrong value stops the site at its start, with a message that says
what is allowed. `nsfwsite/env.py` declares the settings, and `setup/settings_doc.py` writes this
page from there.

| variable | value | default | what it does |
|---|---|---|---|
"""


def page() -> str:
    return INTRODUCTION + "".join(
        f"| `{declared.name}` | {declared.kind} | {declared.default} | {declared.purpose} |\n"
        for declared in declarations
    )


def out_of_date() -> list[str]:
    """The message to show when docs/settings.md is not what the declarations say."""
    if PAGE.read_text() == page():
        return []
    return [
        "docs/settings.md must be what nsfwsite/env.py declares. Received: another text. "
        "Run: python setup/settings_doc.py"
    ]


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        PAGE.write_text(page())
        return 0
    problems = out_of_date()
    print("\n".join(problems))
    return len(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
