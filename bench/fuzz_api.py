"""Does the API answer as its schema says, whatever is sent? Schemathesis tries, as every role.

    make fuzz-api CASES=10000 SEED=1

Starts a site of its own. Sends requests that follow the schema, requests that break it, and
sequences in which a request uses what an earlier one got (links). Prints how many of which status
each operation answered. Fails at a 5xx, and at a status, content type, header or body that the
schema does not name.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.drill import Site

ROLES = {
    "visitor": None,
    "account": [],
    "reviewer": ["reviewers"],
    "maintainer": ["reviewers", "maintainers"],
}
CHECKS = (
    "not_a_server_error",
    *(f"{part}_conformance" for part in ("status_code", "content_type")),
    *(f"response_{part}_conformance" for part in ("headers", "schema")),
)
ADD_ACCOUNT = """
from django.contrib.auth.models import Group, User
from feedback.services import api_tokens
user, _ = User.objects.get_or_create(username="fuzz-" + {name!r})
user.groups.set([Group.objects.get_or_create(name=group)[0] for group in {groups!r}])
print(api_tokens.add(owner=user, name="fuzz", scopes=api_tokens.scopes_of_role(user),
                     expires_on=api_tokens.last_possible_day())[1])
"""


def token_of(site: Site, role: str) -> str:
    """The token of an account with this role, which is added if it is not there."""
    program = ADD_ACCOUNT.format(name=role, groups=ROLES[role])
    environment = {
        **os.environ,
        "DATA_DIR": str(site.data_dir),
        "SECRET_KEY": (site.data_dir / "secret_key").read_text().strip(),
    }
    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", program]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def fuzz(
    site: Site, role: str, *, cases: int, seed: int, folder: Path
) -> tuple[int, bool, Counter[tuple[str, int]]]:
    """The number of cases, whether all passed, and the answers by operation and status."""
    command = [
        *(Path(sys.executable).parent / "schemathesis", "run", f"{site.url}/api/v1/schema/"),
        *("--checks", ",".join(CHECKS)),
        *("--workers", "1", "--continue-on-failure", "--no-shrink", "--no-color"),
        *("--generation-database", "none", "--request-timeout", "120", "--warnings", "off"),
        *("--report-json-path", folder / "report.json"),
    ]
    if ROLES[role] is not None:
        command += ["--header", f"Authorization: Token {token_of(site, role)}"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "bench.fuzz_hooks",
        "FUZZ_ANSWERS": str(folder / "answers.json"),
    }
    total, passed, answers = 0, True, Counter[tuple[str, int]]()
    while total < cases:
        # A first round has about 40 cases for each example, and later ones about as many.
        examples = max(10, min(100, (cases - total) // 60))
        options = ["--max-examples", str(examples), "--seed", str(seed)]
        if total:
            options += ["--phases", "fuzzing,stateful"]  # the others would send the same again
        done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout + done.stderr, flush=True)
            passed = False
        total += json.loads((folder / "report.json").read_text())["test_cases"]["generated"]
        for operation, status, count in json.loads((folder / "answers.json").read_text()):
            answers[operation, status] += count
        print(f"{role}, seed {seed}: {total} cases", flush=True)
        seed += 1
    return total, passed, answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="of all roles together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data-dir", type=Path, help="a prepared DATA_DIR saves the first start")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.cases} cases of {len(ROLES)} roles", flush=True)
    with tempfile.TemporaryDirectory(prefix="speakup-fuzz-") as name:
        folder = Path(name)
        site = Site(arguments.data_dir or folder / "data")
        try:
            results = [
                fuzz(
                    site,
                    role,
                    cases=arguments.cases // len(ROLES),
                    seed=arguments.seed,
                    folder=folder,
                )
                for role in ROLES
            ]
        finally:
            site.stop()
    answers = sum((answers for *_, answers in results), Counter[tuple[str, int]]())
    for operation in sorted({operation for operation, _ in answers}):
        statuses = sorted((status, n) for (name, status), n in answers.items() if name == operation)
        print(f"{operation}: {', '.join(f'{n} × {status}' for status, n in statuses)}")
    broken = sum(count for (_, status), count in answers.items() if status // 100 == 5)
    print(f"{sum(total for total, *_ in results)} cases, {broken} of them answered with 5xx")
    return int(not all(passed for _, passed, _ in results))


if __name__ == "__main__":
    sys.exit(main())
