"""How often a headline names a group although all groups are alike, and how often it should.

    PYTHONPATH=. .venv/bin/python bench/headlines.py

Takes about fifteen minutes. An audit has two axes of 5 to 200 groups besides medium and label, and
a model that is wrong on a tenth of the images, half of the time with a false alarm. Images are
independent, or come in clusters of which every second outcome is that of its cluster: fives, or
sizes of a Pareto distribution (index 1.5). A cluster has one group on the first axis; on the second
each image has its own. `--few` has audits whose groups consist of 6 to 10 clusters alone, on both
axes, and names them in spite of the minimum of 30: the tests alone then hold headlines back.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from modeltrain.audit import headlines
from modeltrain.audit.columns import Columns
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.formatting import percent, whole_percent
from modeltrain.labels import LABELS

SEED = 20261128
PERMUTATIONS = 999
SAFE = (LABELS.index("drawings"), LABELS.index("neutral"))
EXPLICIT = LABELS.index("porn")
RATE = 0.1


@dataclass(frozen=True)
class World:
    """Images, groups on each of two axes, clusters, and whether medium and label matter.

    Of a composed set, drawings are wrong on 30%, photographs on 5%, and each group has its own
    share of drawings. The planted group (the first of the first axis) is wrong on 15 points more.
    With `per_group`, each group of both axes has so many clusters, and needs two to be named.
    """

    images: int
    groups: int
    clusters: str = "independent"
    composed: bool = False
    planted: bool = False
    rate: float = RATE
    per_group: int = 0

    def answers(self, random) -> Columns:
        cluster = self._clusters(random)
        count = int(cluster.max()) + 1
        by_cluster = random.integers(0, self.groups, count)
        axes = [by_cluster[cluster], random.integers(0, self.groups, self.images)]
        if self.per_group:
            orders = (random.permutation(count) for _ in axes)
            axes = [order[cluster] % self.groups for order in orders]
        drawing_share = random.random(self.groups)[by_cluster] if self.composed else 0.5
        drawing = (random.random(count) < drawing_share)[cluster]
        rate = np.where(drawing, 0.3, 0.05) if self.composed else np.full(self.images, self.rate)
        if self.planted:
            rate = rate + 0.15 * (axes[0] == 0)
        chance = random.random(self.images)
        if self.clusters != "independent":
            chance = np.where(
                random.random(self.images) < 0.5, random.random(count)[cluster], chance
            )
        wrong, alarm = chance < rate, random.random(self.images) < 0.5
        expected = np.where(drawing, *SAFE)
        other = np.where(drawing, SAFE[1], SAFE[0])
        predicted = np.where(wrong, np.where(alarm, EXPLICIT, other), expected)
        scores = np.full((self.images, len(LABELS)), 0.025, dtype=np.float32)
        scores[np.arange(self.images), predicted] = 0.9
        names = [f"group {number}" for number in range(self.groups)]
        groups = {
            f"axis {place}": (names, axis.astype(np.int16)) for place, axis in enumerate(axes)
        }
        groups["medium"] = (["photograph", "vector"], drawing.astype(np.int16))
        return Columns(
            sha256=np.zeros((self.images, 32), dtype=np.uint8),
            cluster=cluster.astype(np.uint64),
            expected=expected.astype(np.uint8),
            scores=scores,
            groups=groups,
        )

    def _clusters(self, random):
        sizes = {
            "independent": lambda: np.ones(self.images, dtype=int),
            "fives": lambda: np.full(self.images, 5),
            "heavy": lambda: np.ceil(random.pareto(1.5, self.images) + 1e-9).astype(int),
        }[self.clusters]()
        return np.repeat(np.arange(self.images), sizes)[: self.images]


ALIKE = [
    World(300, 5),
    World(645, 20),
    World(2_000, 40),
    World(1_000, 200),
    World(1_000, 5, "fives"),
    World(2_000, 40, "fives"),
    World(1_000, 5, "heavy"),
    World(2_000, 40, "heavy"),
    World(1_000, 5, composed=True),
    World(2_000, 20, "heavy", composed=True),
]
PLANTED = [
    World(300, 5, planted=True),
    World(1_000, 5, planted=True),
    World(2_000, 20, planted=True),
    World(2_000, 20, "fives", planted=True),
    World(2_000, 20, composed=True, planted=True),
]
FEW = [
    World(5 * 6 * per_group, 6, "fives", rate=rate, per_group=per_group)
    for per_group in (6, 7, 8, 10)
    for rate in (0.1, 0.3, 0.5)
]


def named(world: World, random) -> tuple[bool, bool]:
    """Return whether a wrong group, and whether the planted one, is in a headline.

    Of a set that is not composed, medium and label are no different either.
    """
    groups, composition = set(), False
    minimum = 2 if world.per_group else MINIMUM_IMAGES
    for headline in headlines.headlines(
        world.answers(random), minimum=minimum, permutations=PERMUTATIONS
    ):
        groups |= {(group["axis"], group["value"]) for group in headline["groups"]}
        composition |= bool(headline["composition"])
    planted = ("axis 0", "group 0")
    wrong = bool(groups - {planted} if world.planted else groups)
    return wrong or (composition and not world.composed), planted in groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--few", action="store_true", help="groups of a few clusters only")
    args = parser.parse_args()
    runs = args.runs
    print(f"seed {args.seed}, {runs} audits each\n")
    print(
        "| images | groups an axis | clusters | rate | composition | planted | wrongly named "
        "| found |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for world in FEW if args.few else ALIKE + PLANTED:
        random = np.random.default_rng(args.seed)
        wrong, right = np.mean([named(world, random) for _ in range(runs)], axis=0)
        composed = "matters" if world.composed else "does not matter"
        planted, power = ("15 points", whole_percent(right)) if world.planted else ("", "")
        print(
            f"| {world.images:,} | {world.groups} | {world.clusters} | {percent(world.rate)} "
            f"| {composed} | {planted} "
            f"| {percent(wrong)} | {power} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
