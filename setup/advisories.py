"""Is a known vulnerability in what the site runs on? Asks PyPI and the npm registry.

Exits 1 for a finding. Only warns without a network, or where a registry does not answer.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT

PIP_AUDIT = [
    *(f"{Path(sys.executable).parent}/pip-audit", "--requirement", "requirements/run.txt"),
    *("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"),
]
NPM_AUDIT = ["npm", "audit", "--omit", "dev", "--json"]


def answer(command: list[str]) -> dict[str, Any]:
    """The JSON that a command prints, or {} if it prints none or ends too late."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        parsed = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def python_findings(report: dict[str, Any]) -> Iterator[str]:
    for package in report.get("dependencies", []):
        for advisory in package.get("vulns", []):
            fixed = ", ".join(advisory.get("fix_versions", [])) or "no version yet"
            yield f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


def node_findings(report: dict[str, Any]) -> Iterator[str]:
    for name, advisory in report.get("vulnerabilities", {}).items():
        yield f"{name}: {advisory['severity']}, in {advisory['range']}"


def main() -> int:
    python, node = answer(PIP_AUDIT), answer(NPM_AUDIT)
    if not any("vulns" in package for package in python.get("dependencies", [])):
        print("warning: PyPI did not say which Python packages have known vulnerabilities")
    if "vulnerabilities" not in node:
        print("warning: the npm registry did not say which packages have known vulnerabilities")
    findings = [*python_findings(python), *node_findings(node)]
    for finding in findings:
        print(f"{finding}. Update it: make lock, or npm update")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
