"""Measure how long the server takes for the public list and the ledger, with 100,000 rows each.

    PYTHONPATH=. .venv/bin/python bench/ledger.py --out ledger.json

This takes less than a minute on two cores, in SQLite. The pages are requested through Django: first
and last pages, and filters that match many rows, few or none.
"""

import argparse
import datetime
import json
import time
from pathlib import Path

import numpy as np

from bench.temporary_site import temporary_site

ENTRIES, ROUNDS, SEED = 100_000, 15, 1


def build() -> None:
    from django.utils import timezone

    from feedback.management.commands.load_demo import load_axes
    from feedback.models import AxisValue, LedgerEntry, ModelVersion, PublicReport, Report
    from feedback.models.ledger import NOTHING_BEFORE, sha256
    from modeltrain.labels import LABELS

    random = np.random.default_rng(SEED)
    load_axes()
    for number in (1, 2, 3):
        ModelVersion.objects.create(
            number=number,
            sha256=f"{number:064x}",
            title=f"Version {number}",
            status="champion" if number == 3 else "retired",
            promoted_at=timezone.now(),
        )
    values = [(value.axis.name, value.name) for value in AxisValue.objects.select_related("axis")]
    states = [status.value for status in Report.PUBLIC]
    reports, public, entries, previous = [], [], [], NOTHING_BEFORE
    for n in range(ENTRIES):
        label, predicted = random.choice(LABELS, 2, replace=False).tolist()
        # The last group is rare: one report in a thousand.
        axis, value = values[-1] if n % 1000 == 0 else values[random.integers(len(values) - 1)]
        status = ("queued", "accepted", "rejected")[n % 3]
        report = Report(pk=n + 1, expected_label=label, status=status)
        reports.append(report)
        version = f"v{1 + n % 2}"
        public.append(
            PublicReport(
                report=report,
                day=datetime.date(2026, 1, 1) + datetime.timedelta(days=n // 300),
                state=random.choice(states),
                kind="misclassified",
                expected=label,
                decided=label,
                groups={axis: value},
                answers=[
                    {
                        "said": predicted,
                        "model": version,
                        "now": label,
                        "newer": "v3",
                        "mistake": "confusion",
                        "images": 1,
                    }
                ],
                tags=f" label={label} label={predicted} model={version} model=v3 "
                f"group={axis}={value} ",
            )
        )
        entry = LedgerEntry(
            number=n + 1,
            time="2026-01-01",
            kind="override" if n % 1000 == 0 else "report",
            facts={"outcome": "accepted", "report": f"{n:064x}", "sealed": f"{n:064x}"}
            if n % 1000
            else {"model": "v2", "by": "mona", "reason": "By choice.", "verdict": "blocked"},
            previous=previous,
        )
        entry.hash = previous = sha256(entry.content)
        entries.append(entry)
    Report.objects.bulk_create(reports, 500)
    PublicReport.objects.bulk_create(public, 500)
    LedgerEntry.objects.bulk_create(entries, 500)


def addresses() -> dict[str, str]:
    from feedback.models import AxisValue

    rare = AxisValue.objects.select_related("axis").last()
    group = f"group={rare.axis.name}%3D{rare.name}"
    return {
        "reports": "/reports/",
        "reports, the last page": "/reports/?page=5000",
        "reports with a label": "/reports/?label=drawings",
        "reports of a rare group": f"/reports/?{group}",
        "reports, all filters": f"/reports/?{group}&label=sexy&state=rejected&model=v1",
        "reports of no model": "/reports/?model=v2&label=porn&page=99999",
        "reports, feed": f"/reports/feed/?{group}",
        "reports, API": "/api/v1/reports/?label=drawings",
        "ledger": "/ledger/",
        "ledger, the last page": "/ledger/?page=4000",
        "ledger of one kind": "/ledger/?kind=override",
        "ledger of one kind, the last page": "/ledger/?kind=report&page=99999",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with temporary_site():
        started = time.perf_counter()
        build()
        print(f"{ENTRIES:,} of each created in {time.perf_counter() - started:.0f} s", flush=True)
        from django.core.management import call_command
        from django.test import Client

        client = Client(HTTP_HOST="localhost")
        figures = {}
        print("| page | median | slowest |\n|---|---|---|", flush=True)
        for name, url in addresses().items():
            client.get(url)  # imports
            times = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                response = client.get(url)
                times.append((time.perf_counter() - started) * 1000)
                assert response.status_code == 200, (url, response.status_code)
            figures[name] = {"median": float(np.median(times)), "slowest": max(times)}
            print(f"| {name} | {np.median(times):.0f} ms | {max(times):.0f} ms |", flush=True)
        started = time.perf_counter()
        size = sum(len(part) for part in client.get("/ledger.jsonl").streaming_content)
        print(f"download: {size / 1e6:.0f} MB in {time.perf_counter() - started:.1f} s")
        started = time.perf_counter()
        call_command("verify_ledger")
        print(f"verify_ledger: {time.perf_counter() - started:.1f} s")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
