"""Compare the branch coverage of what `make coverage` measured with its floors.

    .venv/bin/python setup/branch_coverage.py

coverage.py counts lines and branches together, so a package with many lines may pass though few of
its branches are taken. Here branches are counted alone. Exits 1 if a floor is missed.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT

# What was measured last, rounded down; at least 90. A floor may only rise.
FLOORS = {"modeltrain/gate": 90, "modeltrain/audit": 90, "feedback/services": 90, "": 90}


def shares(files: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, float]:
    """The percentage of branches that were taken, of each package and of everything.

    A package without a branch has all of them.
    """
    percentages = {}
    for package in FLOORS:
        summaries = [file["summary"] for path, file in files.items() if path.startswith(package)]
        branches = sum(summary["num_branches"] for summary in summaries)
        covered = sum(summary["covered_branches"] for summary in summaries)
        percentages[package] = 100 * covered / branches if branches else 100.0
    return percentages


def main() -> int:
    command = [sys.executable, "-m", "coverage", "json", "-q", "-o", "-"]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    missed = False
    for package, share in shares(json.loads(report.stdout)["files"]).items():
        floor = FLOORS[package]
        missed |= share < floor
        print(f"{package or 'everything'}: {share:.1f}% of branches, floor {floor}%")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
