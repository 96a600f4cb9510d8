"""Every check, all of them run, all failures shown.

Usage: make check, or python setup/check.py lint types … for some of them.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT, fail

BIN = Path(sys.executable).parent
NODE_BIN = ROOT / "node_modules" / ".bin"
PACKAGES = ("feedback", "modeltrain", "nsfwsite", "worker", "setup")
CODE = [
    *PACKAGES,
    *("tests", "bench", "docs", "manage.py"),
]


def commands() -> dict[str, list[str]]:
    python, manage = sys.executable, [sys.executable, "manage.py"]
    return {
        "lint": [f"{BIN}/ruff", "check", "--quiet", *CODE],
        "format": [f"{BIN}/ruff", "format", "--check", "--quiet", *CODE],
        "scripts and styles": [f"{NODE_BIN}/biome", "check", "--error-on-warnings"],
        "templates": [f"{BIN}/djlint", ".", "--lint", "--quiet"],
        "types": [f"{BIN}/mypy"],
        "types of scripts": [f"{NODE_BIN}/tsc", "--project", "tsconfig.json"],
        "types of the worker": [f"{NODE_BIN}/tsc", "--project", "tsconfig.worker.json"],
        "types of node's scripts": [f"{NODE_BIN}/tsc", "--project", "tsconfig.node.json"],
        "import rules": [f"{BIN}/lint-imports"],
        "house rules": [python, "setup/house_rules.py"],
        "names": [python, "setup/vague_names.py"],
        "security": [
            f"{BIN}/bandit",
            "--quiet",
            "--recursive",
            "--configfile",
            "pyproject.toml",
            *PACKAGES,
        ],
        "advisories": [python, "setup/advisories.py"],
        "links": [python, "setup/links.py"],
        "deployment": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
    }


def main(names: list[str]) -> int:
    checks = commands()
    if unknown := sorted(set(names) - set(checks)):
        fail(
            f"A check is one of: {', '.join(checks)}.",
            ", ".join(unknown),
            "Name no check to run them all.",
        )
    failed = []
    with tempfile.TemporaryDirectory() as data_dir:
        production = {
            **os.environ,
            "DATA_DIR": data_dir,
            "SECRET_KEY": "a-key-for-checks-only-" + "0123456789abcdefghijklmnopqrstuvwxyz",
            "ALLOWED_HOSTS": "speakup.example",
            "HTTPS": "1",
            "DEBUG": "0",
        }
        for name in names or checks:
            command = checks[name]
            done = subprocess.run(command, cwd=ROOT, env=production, capture_output=True, text=True)
            print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name}", flush=True)
            for line in done.stdout.splitlines():
                if line.startswith("warning: "):
                    print(f"       {line}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout + done.stderr, flush=True)
    if failed:
        print(f"{len(failed)} failed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
