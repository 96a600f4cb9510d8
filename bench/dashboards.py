"""Measure how long the server takes for each audit page, with a million answers in the database.

    PYTHONPATH=. .venv/bin/python bench/dashboards.py --out dashboards.json

This takes about four minutes on two cores, nearly all of them to create the data: 20 versions, each
with answers to 50,000 images in 40 groups on eight axes, in SQLite, with a real Redis. Every page
and chart is then requested through Django, each time with other filters. "First" is a request that
no cache helps, in a process that has served such a page before. "Again" is the same request again.
"""

import argparse
import json
import time
from itertools import cycle
from pathlib import Path

import numpy as np

from bench.temporary_site import temporary_site

VERSIONS, IMAGES, AXES, VALUES = 20, 50_000, 8, 5
ROUNDS = 40


def answers(random, version: int):
    from modeltrain.audit.evaluate import Predicted
    from modeltrain.labels import LABELS

    groups = np.random.default_rng(0).integers(0, VALUES, (IMAGES, AXES))
    expected = np.random.default_rng(1).integers(0, len(LABELS), IMAGES)
    predicted = np.where(
        random.random(IMAGES) < 0.2 / version**0.5, random.integers(0, 5, IMAGES), expected
    )
    confidence = random.uniform(0.3, 1.0, IMAGES)
    predictions = []
    for n in range(IMAGES):
        scores = dict.fromkeys(LABELS, (1 - confidence[n]) / 4) | {
            LABELS[predicted[n]]: float(confidence[n])
        }
        values = {f"axis-{axis}": f"value-{groups[n, axis]}" for axis in range(AXES)}
        predictions.append(
            Predicted(f"{n:064x}", f"cluster {n // 2}", LABELS[expected[n]], values, scores)
        )
    return predictions


def build() -> None:
    from django.utils import timezone

    from feedback.models import AuditSet, Axis, AxisValue, ModelVersion
    from feedback.services import audits
    from modeltrain.audit import columns, evaluate

    for axis in range(AXES):
        row = Axis.objects.create(name=f"axis-{axis}", title=f"Axis {axis}")
        for value in range(VALUES):
            AxisValue.objects.create(axis=row, name=f"value-{value}", title=f"Group {axis}.{value}")
    audit_set = AuditSet.objects.create(name="large", manifest_sha256="e" * 64, images=IMAGES)
    random = np.random.default_rng(2)
    for number in range(1, VERSIONS + 1):
        last = number == VERSIONS
        model = ModelVersion.objects.create(
            number=number,
            sha256=f"{number:064x}",
            title=f"Version {number}",
            status="champion" if last else "retired",
            promoted_at=timezone.now(),
        )
        predicted = answers(random, number)
        audit = audits.request(model=model, audit_set=audit_set)
        audit.predictions.parent.mkdir(parents=True, exist_ok=True)
        columns.write(audit.predictions, columns.from_predicted(predicted))
        audits.finish(audit=audit, figures=evaluate.audit(predicted))
        print(f"{number} of {VERSIONS} versions created", flush=True)


def addresses():
    """The addresses to request, by page. All of them differ."""
    versions = [f"v{n}" for n in range(1, VERSIONS + 1)]
    axes = ["overall", "class", *(f"axis-{n}" for n in range(AXES))]
    pairs = [(a, b) for a in versions for b in versions if a != b]
    np.random.default_rng(3).shuffle(pairs)
    measures = cycle(("error", "false_alarm", "miss", "confusion"))
    return {
        "overview": [f"/audits/?axis={axes[n % len(axes)]}&n={n}" for n in range(ROUNDS)],
        "models": [f"/models/?n={n}" for n in range(ROUNDS)],
        "model": [
            f"/models/{versions[n % VERSIONS]}/?measure={next(measures)}&n={n}"
            for n in range(ROUNDS)
        ],
        "compare": [f"/audits/compare/?before={a}&after={b}" for a, b in pairs[:ROUNDS]],
        "threshold": [
            f"/audits/threshold/?model={versions[n % VERSIONS]}&axis={axes[n % len(axes)]}"
            f"&at={1 + 2 * n}"
            for n in range(ROUNDS)
        ],
        "chart: trend": [
            f"/audits/?axis={axis}&chart=trend&as=svg&width={width}"
            for axis in axes
            for width in ("wide", "narrow")
        ],
        "chart: groups": [
            f"/models/{version}/?chart=groups&as=svg&measure={measure}"
            for version in versions
            for measure in ("error", "false_alarm")
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with temporary_site():
        build()
        from django.test import Client

        from nsfwsite.wsgi import load_statistics

        load_statistics()  # as the server does when it starts
        client = Client(HTTP_HOST="localhost")
        figures = {}
        print("| page | first, median | first, 95th percentile | again, 95th percentile |")
        print("|---|---|---|---|", flush=True)
        for name, urls in addresses().items():
            times: dict[str, list[float]] = {"first": [], "again": []}
            client.get(urls[0])  # imports, and the JavaScript engine's start
            for url in urls[1:]:
                for kind in ("first", "again"):
                    started = time.perf_counter()
                    response = client.get(url)
                    times[kind].append(time.perf_counter() - started)
                    assert response.status_code == 200, (url, response.status_code)
            median, slow = np.percentile(times["first"], [50, 95]) * 1000
            again = np.percentile(times["again"], 95) * 1000
            figures[name] = {"median": median, "p95": slow, "again p95": again}
            print(f"| {name} | {median:.0f} ms | {slow:.0f} ms | {again:.0f} ms |", flush=True)
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
