"""How often the gate is right, where the truth is known because it was made.

    make simulate-gate                                            # all of docs/gate-simulation.md
    PYTHONPATH=. .venv/bin/python bench/gate_simulation.py --only unchanged --runs 100

Every verdict comes from `modeltrain.gate.judge` with the shipped policy. The settings were written
down in docs/gate-simulation.md before the runs; the seed is printed.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from modeltrain.audit.columns import Columns
from modeltrain.audit.fairness import clustered_rate
from modeltrain.formatting import percent
from modeltrain.gate.judge import judge
from modeltrain.gate.policy import Policy
from modeltrain.labels import LABELS, NSFW

SEED = 20261128
POLICY = replace(Policy.load(), required=("overall",))  # a world has one class
GROUPS_AN_AXIS = 5
SAFE = LABELS.index("neutral")
EXPLICIT = next(index for index, label in enumerate(LABELS) if label in NSFW)
CONFUSED = LABELS.index("drawings")


@dataclass(frozen=True)
class World:
    """Champion and candidate on images whose truth is known.

    Attributes
    ----------
    measure : str
        Which mistakes are made: "false_alarm", "miss" or "confusion".
    rate : float
        How often the champion makes it.
    images : int
        In each group; the first group of the first axis may have `planted_images`.
    groups : int
        Of five on an axis; axes cut across each other.
    churn : float
        Share of images whose outcome is drawn anew for the candidate, with the same rate.
    factor : float
        The candidate's rate over the champion's, everywhere.
    rise : float
        What comes on top in the first group of the first axis.
    clusters : str
        "independent", "equal" (fives with correlation 0.5) or "heavy" (Pareto sizes, index 1.5).
    planted_images : int
        Images of the first group; as many as the others unless given.
    planted_rate : float
        How often the champion makes the mistake in the first group; as in the others unless given.
    planted_groups : int
        How many groups of the first axis have `planted_images` and `planted_rate`.
    """

    measure: str = "false_alarm"
    rate: float = 0.03
    images: int = 150
    groups: int = 40
    churn: float = 0.2
    factor: float = 1.0
    rise: float = 0.0
    clusters: str = "independent"
    planted_images: int = 0
    planted_rate: float = 0.0
    planted_groups: int = 1

    @property
    def rates(self) -> str:
        """The champion's rates, for a table."""
        first = f"{percent(self.planted_rate)} and " if self.planted_rate else ""
        return f"{first}{percent(self.rate)}"

    @property
    def sizes(self) -> str:
        """How many images the groups have, for a table."""
        if not self.planted_images:
            return f"{self.images:,}"
        planted = self.planted_images * self.planted_groups
        others = (self.total - planted) // (GROUPS_AN_AXIS - 1)
        times = f"{self.planted_groups} times " if self.planted_groups > 1 else ""
        return f"{times}{self.planted_images:,} and {others:,}"

    @property
    def total(self) -> int:
        return self.images * GROUPS_AN_AXIS

    def layout(self, random: np.random.Generator) -> tuple[Columns, np.ndarray]:
        """The images, their groups and clusters; and the sizes of clusters."""
        sizes = self._cluster_sizes(random)
        cluster = np.repeat(np.arange(len(sizes)), sizes)
        axes = self.groups // GROUPS_AN_AXIS
        groups = {}
        for axis in range(axes):
            of_cluster = random.permutation(np.arange(len(sizes)) % GROUPS_AN_AXIS)
            if axis == 0 and self.planted_images:
                others = self.planted_groups + np.arange(len(sizes)) % (GROUPS_AN_AXIS - 1)
                of_cluster = np.minimum((np.cumsum(sizes) - 1) // self.planted_images, others)
            values = [f"{value}" for value in range(of_cluster.max() + 1)]
            groups[f"axis {axis:02}"] = (values, of_cluster[cluster].astype(np.int16))
        expected = EXPLICIT if self.measure == "miss" else SAFE
        n = len(cluster)
        columns = Columns(
            sha256=np.arange(n, dtype=">u8").view(np.uint8).reshape(n, 8).repeat(4, axis=1),
            cluster=cluster.astype(np.uint64),
            expected=np.full(n, expected, dtype=np.uint8),
            scores=np.zeros((n, len(LABELS)), dtype=np.float32),
            groups=groups,
        )
        return columns, sizes

    def _cluster_sizes(self, random: np.random.Generator) -> np.ndarray:
        if self.clusters == "independent":
            return np.ones(self.total, dtype=int)
        if self.clusters == "equal":
            return np.full(self.total // 5, 5)
        sizes = np.minimum(np.ceil(random.pareto(1.5, self.total) + 1e-9), self.total // 10)
        sizes = np.maximum(sizes, 1).astype(int)
        return sizes[: np.searchsorted(np.cumsum(sizes), self.total) + 1]

    def answers(self, columns: Columns, random: np.random.Generator) -> tuple[Columns, Columns]:
        """The champion's and the candidate's answers."""
        before = self._uniform(columns, random)
        redrawn = self._uniform(columns, random) < self.churn
        after = np.where(redrawn, self._uniform(columns, random), before)
        _, places = columns.groups["axis 00"]
        planted = places < self.planted_groups
        rate = np.where(planted, self.planted_rate or self.rate, self.rate)
        old_event = before < rate
        new_event = after < rate * self.factor
        if self.rise:
            harmed = self._uniform(columns, random) < self.rise / (1 - self.rate)
            new_event |= (places == 0) & harmed
        return self._scored(columns, old_event), self._scored(columns, new_event)

    def _uniform(self, columns: Columns, random: np.random.Generator) -> np.ndarray:
        """Uniform from 0 to 1; in clusters some images share theirs (correlation 0.5)."""
        own = random.random(len(columns))
        if self.clusters == "independent":
            return own
        clusters = columns.cluster.astype(int)
        shared = random.random(int(clusters.max()) + 1)[clusters]
        return np.where(random.random(len(columns)) < 0.5**0.5, shared, own)

    def _scored(self, columns: Columns, event: np.ndarray) -> Columns:
        right = int(columns.expected[0])
        wrong = {"false_alarm": EXPLICIT, "miss": SAFE, "confusion": CONFUSED}[self.measure]
        scores = np.zeros_like(columns.scores)
        scores[np.arange(len(columns)), np.where(event, wrong, right)] = 1.0
        return replace(columns, scores=scores)


@dataclass(frozen=True)
class Outcome:
    """What the gate said in one run."""

    verdict: str
    any_worse: bool
    any_gap: bool
    gap_blocks: bool
    planted_worse: bool
    planted_gap: bool
    planted_passes: bool


def run(world: World, seed: list[int]) -> Outcome:
    random = np.random.default_rng(seed)
    columns, _ = world.layout(random)
    old, new = world.answers(columns, random)
    result = judge(champion=old, candidate=new, policy=POLICY)
    planted = [
        cell
        for cell in result["cells"]
        if (cell["axis"], cell["value"], cell["measure"]) == ("axis 00", "0", world.measure)
    ]
    gaps = {(gap["axis"], gap["value"]) for gap in result["gaps"]}
    return Outcome(
        verdict=result["verdict"],
        any_worse=any(cell["finding"] == "worse" for cell in result["cells"]),
        any_gap=bool(gaps),
        gap_blocks=any(gap["blocks"] for gap in result["gaps"]),
        planted_worse=any(cell["finding"] == "worse" for cell in planted),
        planted_gap=("axis 00", "0") in gaps,
        planted_passes=all(cell["finding"] == "not worse" for cell in planted),
    )


def many(job: tuple[World, int, int]) -> list[Outcome]:
    world, runs, seed = job
    return [run(world, [seed, number]) for number in range(runs)]


def share(outcomes: list[Outcome], holds: Callable[[Outcome], bool]) -> float:
    return float(np.mean([holds(outcome) for outcome in outcomes]))


def cluster_sizes(kind: str, images: int, random: np.random.Generator) -> np.ndarray:
    """Sizes of clusters: fives, or Pareto with index 1.5 and at most a third of all images."""
    if kind == "equal":
        return np.full(images // 5, 5)
    sizes = np.clip(np.ceil(random.pareto(1.5, images) + 1e-9), 1, images // 3).astype(int)
    return sizes[: int(np.searchsorted(np.cumsum(sizes), images)) + 1]


def coverage(job: tuple[str, int, float, float, int, int]) -> float:
    """How often a 95% interval contains the true rate, in beta-binomial clusters."""
    kind, images, rate, correlation, runs, seed = job
    random = np.random.default_rng([seed, 1])
    scale = (1 - correlation) / correlation
    contained = 0
    for _ in range(runs):
        sizes = cluster_sizes(kind, images, random)
        members = np.repeat(np.arange(len(sizes)), sizes)
        chances = random.beta(rate * scale, (1 - rate) * scale, len(sizes))
        figures = clustered_rate(random.random(len(members)) < chances[members], members)
        contained += figures["low"] <= rate <= figures["high"]
    return contained / runs


def print_coverage(runs: int) -> None:
    rates = (0.03, 0.1, 0.35)
    print(
        "\n## intervals\n\n| clusters, images, correlation | 3% | 10% | 35% |\n" + "|---" * 4 + "|"
    )
    with ProcessPoolExecutor(2) as pool:
        for kind, images, correlation in itertools.product(
            ("equal", "heavy"), (500, 2000), (0.3, 0.6)
        ):
            jobs = [(kind, images, rate, correlation, runs, SEED) for rate in rates]
            shares = " | ".join(percent(held) for held in pool.map(coverage, jobs))
            print(f"| {kind}, {images:,}, {correlation:g} | {shares} |", flush=True)


COLUMNS = (
    "rate",
    "images a group",
    "groups",
    "mistakes, clusters, churn",
    "rise",
    "passes",
    "blocked",
    "not enough images",
    "any cell worse",
    "any gap told",
    "a gap blocks",
    "planted: worse, gap, either, passes",
)

SUITES: dict[str, list[World]] = {
    "unchanged": [
        *(
            World(images=n, rate=rate)
            for rate in (0.005, 0.03, 0.35)
            for n in (31, 60, 150, 500, 2000)
        ),
        *(World(groups=groups) for groups in (5, 120)),
        *(World(clusters=kind, images=n) for kind in ("equal", "heavy") for n in (150, 500)),
        *(World(measure=measure) for measure in ("miss", "confusion")),
        World(churn=0.5),
        World(churn=1.0),
        # A small group that is wrong on half of its images beside 5,000 that hardly ever are.
        World(rate=0.005, images=1012, groups=5, planted_images=60, planted_rate=0.5),
        # Ten of them, of 40 images each, on one axis.
        World(
            rate=0.005,
            images=400,
            groups=5,
            planted_images=40,
            planted_rate=0.5,
            planted_groups=10,
        ),
    ],
    "better": [
        World(factor=0.7, images=n, rate=rate) for rate in (0.03, 0.35) for n in (60, 150, 500)
    ],
    "harmed": [
        World(images=60, rise=0.1, rate=0.005),
        World(images=60, rise=0.1),
        World(images=60, rise=0.1, measure="miss"),
        World(images=60, rise=0.1, groups=5),
        World(images=60, rise=0.1, groups=120),
        World(images=70, rise=0.1),
        World(images=70, rise=0.1, measure="miss"),
        World(images=70, rise=0.1, groups=120),
        World(images=150, rise=0.1),
        World(images=2000, rise=0.03),
        World(images=2000, rise=0.005, rate=0.005),
        World(images=4000, rise=0.005, rate=0.005),
        World(images=6000, rise=0.005, rate=0.005),
        World(images=8000, rise=0.005, rate=0.005),
        World(images=2000, rise=0.02, rate=0.02),
        World(images=2000, rise=0.35, rate=0.35),
        World(images=500, rise=0.1, clusters="equal"),
        World(images=500, rise=0.1, clusters="heavy"),
        World(images=80, rise=0.1, groups=120),
    ],
}


def rows(suite: str, runs: int) -> Iterator[tuple[World, list[Outcome], float]]:
    parts = 4
    with ProcessPoolExecutor(2) as pool:
        for place, world in enumerate(SUITES[suite]):
            started = time.monotonic()
            seed = SEED + 1000 * sorted(SUITES).index(suite) + 10 * place
            jobs = [(world, runs // parts, seed + part) for part in range(parts)]
            outcomes = list(itertools.chain.from_iterable(pool.map(many, jobs)))
            yield world, outcomes, (time.monotonic() - started) / len(outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[*SUITES, "intervals"], help="one suite, not all")
    parser.add_argument("--runs", type=int, default=400, help="of each world")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    options = parser.parse_args()
    print(f"seed {SEED}, {options.runs} runs of each world")
    figures = []
    if options.only in (None, "intervals"):
        print_coverage(5 * options.runs)
    for suite in SUITES:
        if options.only not in (None, suite):
            continue
        print(f"\n## {suite}\n\n| {' | '.join(COLUMNS)} |\n" + "|---" * len(COLUMNS) + "|")
        for world, outcomes, seconds in rows(suite, options.runs):
            figure = {
                "passes": share(outcomes, lambda o: o.verdict == "pass"),
                "blocked": share(outcomes, lambda o: o.verdict == "blocked"),
                "insufficient data": share(outcomes, lambda o: o.verdict == "insufficient data"),
                "any worse": share(outcomes, lambda o: o.any_worse),
                "any gap": share(outcomes, lambda o: o.any_gap),
                "gap blocks": share(outcomes, lambda o: o.gap_blocks),
                "planted worse": share(outcomes, lambda o: o.planted_worse),
                "planted gap": share(outcomes, lambda o: o.planted_gap),
                "planted named": share(outcomes, lambda o: o.planted_worse or o.planted_gap),
                "planted passes": share(outcomes, lambda o: o.planted_passes),
            }
            rise = world.rise or (world.factor - 1) * world.rate
            planted = (
                f"{percent(figure['planted worse'])}, {percent(figure['planted gap'])}, "
                f"{percent(figure['planted named'])}, {percent(figure['planted passes'])}"
            )
            print(
                f"| {world.rates} | {world.sizes} | {world.groups} | {world.measure}, "
                f"{world.clusters}, {world.churn:g} | "
                f"{rise * 100:+.1f} | "
                f"{percent(figure['passes'])} | {percent(figure['blocked'])} | "
                f"{percent(figure['insufficient data'])} | {percent(figure['any worse'])} | "
                f"{percent(figure['any gap'])} | {percent(figure['gap blocks'])} | "
                f"{planted if world.rise else ''} |",
                flush=True,
            )
            figures.append({"suite": suite, **asdict(world), **figure, "seconds a run": seconds})
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
