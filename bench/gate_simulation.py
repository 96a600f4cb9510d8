"""How often the gate and the intervals are right, where the truth is known because it was made.

    PYTHONPATH=. .venv/bin/python bench/gate_simulation.py --out gate.json

About ten minutes on two cores. Every verdict comes from `modeltrain.gate.judge` with the shipped
policy, every interval from `modeltrain.audit.fairness`. Champion and candidate disagree on 5% of
the images, half of them newly wrong, half newly right; a planted regression comes on top.
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
    """Images on several axes, each with as many groups of `images_a_group`, that cut across.

    `cluster` images in a row belong together and change together with this correlation.
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
        """Each image, answered rightly and wrongly."""
        random = np.random.default_rng(0)
        per_cluster = self.images // self.cluster
        classes = random.permutation(per_cluster) % len(LABELS)
        # Values are shared within a cluster, and the first axis is what is planted in.
        values = [np.arange(per_cluster) % self.groups]
        values += [random.permutation(per_cluster) % self.groups for _ in range(self.axes - 1)]
        made = []
        for number in range(self.images):
            at = number // self.cluster
            expected = LABELS[classes[at]]
            other = LABELS[(classes[at] + 1) % len(LABELS)]
            groups = {f"axis {axis}": f"{value[at]:02}" for axis, value in enumerate(values)}
            made.append(
                tuple(
                    Predicted(
                        f"{number:064x}",
                        str(at),
                        expected,
                        groups,
                        {label: float(label == answer) for label in LABELS},
                    )
                    for answer in (expected, other)
                )
            )
        return made

    def errors(self, random, in_group):
        """Whether each model is wrong on each image: two arrays of bool."""
        fate = self._uniform(random)
        was = fate < CHAMPION_ERROR
        # Among the wrong ones some become right; among the right ones as many, and the planted.
        half = DISAGREEMENT / 2
        newly_right = was & (fate < half)
        rise = half + self.planted * in_group
        newly_wrong = ~was & (fate >= 1 - rise)
        return was, (was & ~newly_right) | newly_wrong

    def _uniform(self, random):
        """Uniform from 0 to 1; of a cluster's images, some have the same."""
        shared = np.repeat(random.random(self.images // self.cluster), self.cluster)
        own = random.random(self.images)
        return np.where(random.random(self.images) < self.correlation**0.5, shared, own)


def verdicts(job) -> list[tuple[str, str, int]]:
    """The verdict, the planted group's finding, and how many cells are called worse, each run."""
    world, runs, seed = job
    random = np.random.default_rng(seed)
    rows = world.rows()
    in_group = np.array([right.groups["axis 0"] == "00" for right, _ in rows])
    policy = Policy.load()
    found = []
    for _ in range(runs):
        was, now = world.errors(random, in_group)
        result = judge(
            champion=[row[int(wrong)] for row, wrong in zip(rows, was, strict=True)],
            candidate=[row[int(wrong)] for row, wrong in zip(rows, now, strict=True)],
            policy=policy,
        )
        planted = next(
            cell for cell in result["cells"] if (cell["axis"], cell["value"]) == ("axis 0", "00")
        )
        worse = sum(cell["finding"] == "worse" for cell in result["cells"])
        found.append((result["verdict"], planted["finding"], worse, len(result["cells"])))
    return found


def clustered(random, *, clusters: int, size: int, rate: float, correlation: float):
    """Events with a rate, correlated within clusters (beta-binomial), and each one's cluster."""
    if correlation:
        scale = (1 - correlation) / correlation
        chances = random.beta(rate * scale, (1 - rate) * scale, clusters)
    else:
        chances = np.full(clusters, rate)
    events = random.random((clusters, size)) < chances[:, None]
    return events.ravel(), np.repeat(np.arange(clusters), size)


def coverage(job) -> float:
    """How often the 95 % interval of a rate holds the true one."""
    shape, rate, runs, seed = job
    random = np.random.default_rng(seed)
    held = 0
    for _ in range(runs):
        events, members = clustered(random, rate=rate, **shape)
        effective = effective_sample_size(events, members)
        found = fairness.rate(count=int(events.sum()), n=len(events), effective=effective)
        held += found["low"] <= rate <= found["high"]
    return held / runs


def paired_coverage(job) -> float:
    """How often the 95 % interval of a difference holds the true one; independent images."""
    newly_wrong, newly_right, images, runs, seed = job
    random = np.random.default_rng(seed)
    held = 0
    for _ in range(runs):
        fate = random.random(images)
        was = fate < CHAMPION_ERROR
        now = (was & (fate >= newly_right)) | (fate >= 1 - newly_wrong)
        low, high = difference_interval(count_pairs(champion=list(was), candidate=list(now)))
        held += low <= newly_wrong - newly_right <= high
    return held / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only-intervals", action="store_true")
    parser.add_argument("--runs", type=int, default=1000, help="of each world")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sixty = {"axes": 6, "groups": 9}
    worlds = {
        "no change, 60 cells": World(**sixty),
        "no change, 60 cells, clusters of 5": World(**sixty, cluster=5, correlation=0.5),
        "10 points worse in one group": World(**sixty, planted=0.1),
        "10 points worse in one group, clusters of 5": World(
            **sixty, planted=0.1, cluster=5, correlation=0.5
        ),
        "no change, 20 groups": World(axes=4, groups=5),
        "no change, 20 groups, clusters of 5": World(axes=4, groups=5, cluster=5, correlation=0.5),
    }
    found: dict = {"policy": Policy.load().as_dict(), "runs": args.runs, "gate": {}}
    with ProcessPoolExecutor(2) as pool:
        print("| | cells | passes | does not pass | planted group worse | any cell worse |")
        print("|---|---|---|---|---|---|")
        for name, world in ({} if args.only_intervals else worlds).items():
            parts = pool.map(verdicts, [(world, args.runs // 20, seed) for seed in range(20)])
            runs = [run for part in parts for run in part]
            passed = np.mean([verdict == "pass" for verdict, *_ in runs])
            planted = np.mean([finding == "worse" for _, finding, *_ in runs])
            worse = np.mean([count > 0 for *_, count, _ in runs])
            found["gate"][name] = {
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
        found["passes"] = {}
        kinds = {"independent images": {}, "clusters of 5": {"cluster": 5, "correlation": 0.5}}
        for name, how in ({} if args.only_intervals else kinds).items():
            shares = []
            for rise in RISES:
                world = World(axes=1, groups=1, planted=rise, **how)
                parts = pool.map(verdicts, [(world, args.runs // 20, seed) for seed in range(20)])
                shares.append(np.mean([f == "not worse" for part in parts for _, f, *_ in part]))
            found["passes"][name] = dict(zip(map(str, RISES), map(float, shares), strict=True))
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
        found["coverage"] = {}
        for name, shape in shapes.items():
            jobs = [
                (shape, rate, args.runs, [seed, number])
                for number, rate in enumerate(RATES)
                for seed in range(10)
            ]
            each = np.array(list(pool.map(coverage, jobs))).reshape(len(RATES), 10).mean(axis=1)
            found["coverage"][name] = dict(zip(map(str, RATES), map(float, each), strict=True))
            print(f"| {name} | " + " | ".join(f"{held:.1%}" for held in each) + " |", flush=True)

        changes = [(0.01, 0.01), (0.025, 0.025), (0.05, 0.02), (0.12, 0.02)]
        print("\n| newly wrong, newly right | 95 % intervals of the difference that hold |")
        print("|---|---|")
        found["paired"] = {}
        for wrong, right in changes:
            jobs = [(wrong, right, 200, args.runs, [seed, 7]) for seed in range(10)]
            held = float(np.mean(list(pool.map(paired_coverage, jobs))))
            found["paired"][f"{wrong}, {right}"] = held
            print(f"| {wrong:.1%}, {right:.1%} | {held:.1%} |", flush=True)
    if args.out:
        args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
