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

from modeltrain.formatting import percent
from setup.steps import ROOT

# A floor may only rise.
FLOORS = {"modeltrain/gate": 0.9, "modeltrain/audit": 0.9, "feedback/services": 0.9, "": 0.9}


def shares(files: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, float]:
    """The share of branches that were taken, of each package and of everything.

    A package without a branch has all of them.
    """
    by_package = {}
    for package in FLOORS:
        summaries = [file["summary"] for path, file in files.items() if path.startswith(package)]
        branches = sum(summary["num_branches"] for summary in summaries)
        covered = sum(summary["covered_branches"] for summary in summaries)
        by_package[package] = covered / branches if branches else 1.0
    return by_package


def main() -> int:
    command = [sys.executable, "-m", "coverage", "json", "-q", "--fail-under=0", "-o", "-"]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    missed = False
    for package, share in shares(json.loads(report.stdout)["files"]).items():
        floor = FLOORS[package]
        missed |= share < floor
        print(f"{package or 'everything'}: {percent(share)} of branches, floor {percent(floor)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
