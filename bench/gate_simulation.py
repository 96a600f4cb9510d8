"""Measure how often the gate and the intervals are right on simulated data.

    PYTHONPATH=. .venv/bin/python bench/gate_simulation.py --out gate.json

Takes about ten minutes on two cores. All verdicts come from `modeltrain.gate.judge` with the
shipped policy, and all intervals from `modeltrain.audit.fairness`. Champion and candidate disagree
on 5% of the images, half of them newly wrong and half newly right. A planted regression is added
to that.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeltrain.audit import fairness
from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import effective_sample_size
from modeltrain.gate.judge import judge
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.gate.policy import Policy
from modeltrain.labels import LABELS

CHAMPION_ERROR = 0.10
DISAGREEMENT = 0.05
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
RISES = (0.0, 0.025, 0.05, 0.08, 0.1)
CORRELATIONS = (0.1, 0.3, 0.6)


@dataclass(frozen=True)
class World:
    """Images on several crossing axes, each with `groups` groups of `images_a_group` images.

    Each run of `cluster` images is a cluster, whose errors have this correlation.
    """

    axes: int
    groups: int
    images_a_group: int = 200
    planted: float = 0.0  # rise of the error rate in group 0 of axis 0
    cluster: int = 1
    correlation: float = 0.0

    @property
    def images(self) -> int:
        return self.groups * self.images_a_group

    def rows(self) -> list[tuple[Predicted, Predicted]]:
        """A right and a wrong prediction for each image."""
        random = np.random.default_rng(0)
        per_cluster = self.images // self.cluster
        classes = random.permutation(per_cluster) % len(LABELS)
        # The images of a cluster share their values. The regression is planted on the first axis.
        values = [np.arange(per_cluster) % self.groups]
        values += [random.permutation(per_cluster) % self.groups for _ in range(self.axes - 1)]
        predictions = []
        for number in range(self.images):
            cluster = number // self.cluster
            expected = LABELS[classes[cluster]]
            wrong = LABELS[(classes[cluster] + 1) % len(LABELS)]
            groups = {f"axis {axis}": f"{value[cluster]:02}" for axis, value in enumerate(values)}
            predictions.append(
                tuple(
                    Predicted(
                        f"{number:064x}",
                        str(cluster),
                        expected,
                        groups,
                        {label: float(label == answer) for label in LABELS},
                    )
                    for answer in (expected, wrong)
                )
            )
        return predictions

    def errors(self, random, in_group):
        """Two boolean arrays: whether the champion and the candidate err on each image."""
        draw = self._uniform(random)
        champion = draw < CHAMPION_ERROR
        # Some errors become right, and as many right answers become errors, plus the planted ones.
        half = DISAGREEMENT / 2
        newly_right = champion & (draw < half)
        rise = half + self.planted * in_group
        newly_wrong = ~champion & (draw >= 1 - rise)
        return champion, (champion & ~newly_right) | newly_wrong

    def _uniform(self, random):
        """Uniform draws from 0 to 1, some of them shared within a cluster."""
        shared = np.repeat(random.random(self.images // self.cluster), self.cluster)
        own = random.random(self.images)
        return np.where(random.random(self.images) < self.correlation**0.5, shared, own)


def verdicts(job) -> list[tuple[str, str, int]]:
    """For each run: the verdict, the planted group's finding, and the numbers of cells."""
    world, runs, seed = job
    random = np.random.default_rng(seed)
    rows = world.rows()
    in_group = np.array([right.groups["axis 0"] == "00" for right, _ in rows])
    policy = Policy.load()
    outcomes = []
    for _ in range(runs):
        champion_errors, candidate_errors = world.errors(random, in_group)
        result = judge(
            champion=[row[int(wrong)] for row, wrong in zip(rows, champion_errors, strict=True)],
            candidate=[row[int(wrong)] for row, wrong in zip(rows, candidate_errors, strict=True)],
            policy=policy,
        )
        planted = next(
            cell for cell in result["cells"] if (cell["axis"], cell["value"]) == ("axis 0", "00")
        )
        worse = sum(cell["finding"] == "worse" for cell in result["cells"])
        outcomes.append((result["verdict"], planted["finding"], worse, len(result["cells"])))
    return outcomes


def clustered_events(random, *, clusters: int, size: int, rate: float, correlation: float):
    """Beta-binomial events, correlated within clusters, and the cluster of each event."""
    if correlation:
        scale = (1 - correlation) / correlation
        chances = random.beta(rate * scale, (1 - rate) * scale, clusters)
    else:
        chances = np.full(clusters, rate)
    events = random.random((clusters, size)) < chances[:, None]
    return events.ravel(), np.repeat(np.arange(clusters), size)


def coverage(job) -> float:
    """The share of 95% intervals of a rate that cover the true rate."""
    shape, rate, runs, seed = job
    random = np.random.default_rng(seed)
    covered = 0
    for _ in range(runs):
        events, members = clustered_events(random, rate=rate, **shape)
        effective = effective_sample_size(events, members)
        interval = fairness.rate(count=int(events.sum()), n=len(events), effective=effective)
        covered += interval["low"] <= rate <= interval["high"]
    return covered / runs


def paired_coverage(job) -> float:
    """The share of 95% intervals of a difference that cover the truth, for independent images."""
    newly_wrong, newly_right, images, runs, seed = job
    random = np.random.default_rng(seed)
    covered = 0
    for _ in range(runs):
        draw = random.random(images)
        champion = draw < CHAMPION_ERROR
        candidate = (champion & (draw >= newly_right)) | (draw >= 1 - newly_wrong)
        low, high = difference_interval(
            count_pairs(champion=list(champion), candidate=list(candidate))
        )
        covered += low <= newly_wrong - newly_right <= high
    return covered / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only-intervals", action="store_true")
    parser.add_argument("--runs", type=int, default=1000, help="of each world")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sixty_cells = {"axes": 6, "groups": 9}
    worlds = {
        "no change, 60 cells": World(**sixty_cells),
        "no change, 60 cells, clusters of 5": World(**sixty_cells, cluster=5, correlation=0.5),
        "10 points worse in one group": World(**sixty_cells, planted=0.1),
        "10 points worse in one group, clusters of 5": World(
            **sixty_cells, planted=0.1, cluster=5, correlation=0.5
        ),
        "no change, 20 groups": World(axes=4, groups=5),
        "no change, 20 groups, clusters of 5": World(axes=4, groups=5, cluster=5, correlation=0.5),
    }
    figures: dict = {"policy": Policy.load().as_dict(), "runs": args.runs, "gate": {}}
    with ProcessPoolExecutor(2) as pool:
        print("| | cells | passes | does not pass | planted group worse | any cell worse |")
        print("|---|---|---|---|---|---|")
        for name, world in ({} if args.only_intervals else worlds).items():
            parts = pool.map(verdicts, [(world, args.runs // 20, seed) for seed in range(20)])
            runs = [run for part in parts for run in part]
            passed = np.mean([verdict == "pass" for verdict, *_ in runs])
            planted = np.mean([finding == "worse" for _, finding, *_ in runs])
            worse = np.mean([count > 0 for *_, count, _ in runs])
            figures["gate"][name] = {
                "cells": runs[0][3],
                "passes": passed,
                "planted group worse": planted,
                "any cell worse": worse,
            }
            print(
                f"| {name} | {runs[0][3]} | {passed:.1%} | {1 - passed:.1%} | "
                f"{planted if world.planted else float('nan'):.1%} | {worse:.1%} |",
                flush=True,
            )

        print(
            "\n| a group of 200 passes, its error rate truly up by | "
            + " | ".join(f"{rise * 100:g} points" for rise in RISES)
            + " |"
        )
        print("|---" * (len(RISES) + 1) + "|")
        figures["passes"] = {}
        kinds = {"independent images": {}, "clusters of 5": {"cluster": 5, "correlation": 0.5}}
        for name, clustering in ({} if args.only_intervals else kinds).items():
            shares = []
            for rise in RISES:
                world = World(axes=1, groups=1, planted=rise, **clustering)
                parts = pool.map(verdicts, [(world, args.runs // 20, seed) for seed in range(20)])
                findings = [finding for part in parts for _, finding, *_ in part]
                shares.append(np.mean([finding == "not worse" for finding in findings]))
            figures["passes"][name] = dict(zip(map(str, RISES), map(float, shares), strict=True))
            print(
                f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True
            )

        shapes = {"1,000 independent images": {"clusters": 1000, "size": 1, "correlation": 0.0}}
        shapes["200 independent images"] = {"clusters": 200, "size": 1, "correlation": 0.0}
        for correlation in CORRELATIONS:
            name = f"200 clusters of 5, correlation {correlation}"
            shapes[name] = {"clusters": 200, "size": 5, "correlation": correlation}
        print("\n| 95 % intervals that hold | " + " | ".join(f"{r:.0%}" for r in RATES) + " |")
        print("|---" * (len(RATES) + 1) + "|")
        figures["coverage"] = {}
        for name, shape in shapes.items():
            jobs = [
                (shape, rate, args.runs, [seed, number])
                for number, rate in enumerate(RATES)
                for seed in range(10)
            ]
            coverages = np.array(list(pool.map(coverage, jobs)))
            shares = coverages.reshape(len(RATES), 10).mean(axis=1)
            figures["coverage"][name] = dict(zip(map(str, RATES), map(float, shares), strict=True))
            print(
                f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True
            )

        changes = [(0.01, 0.01), (0.025, 0.025), (0.05, 0.02), (0.12, 0.02)]
        print("\n| newly wrong, newly right | 95 % intervals of the difference that hold |")
        print("|---|---|")
        figures["paired"] = {}
        for wrong, right in changes:
            jobs = [(wrong, right, 200, args.runs, [seed, 7]) for seed in range(10)]
            share = float(np.mean(list(pool.map(paired_coverage, jobs))))
            figures["paired"][f"{wrong}, {right}"] = share
            print(f"| {wrong:.1%}, {right:.1%} | {share:.1%} |", flush=True)
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
