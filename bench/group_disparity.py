"""How often the differences, and the ratios, of all groups of an axis are inside their intervals.

    PYTHONPATH=. .venv/bin/python bench/group_disparity.py

Takes about five minutes. Groups are wrong at rates of their own, and more frequently on drawings,
of which each group has another share. Images are independent, or come in pairs or fives of which
every second outcome is that of the cluster.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from modeltrain.audit.columns import Columns
from modeltrain.audit.group_disparity import group_disparity
from modeltrain.formatting import percent
from modeltrain.labels import LABELS

SEED = 20261129
DRAWINGS, NEUTRAL, PORN = (LABELS.index(label) for label in ("drawings", "neutral", "porn"))


@dataclass(frozen=True)
class World:
    """Images, groups, images of a cluster, and the false-alarm rate of the first group.

    The last group has 1.5 times that rate, and drawings have twice that of photographs.
    """

    images: int
    groups: int
    cluster: int = 1
    rate: float = 0.15

    @property
    def rates(self) -> np.ndarray:
        """Of photographs and of drawings: shape [groups, 2]."""
        by_group = self.rate * np.linspace(1, 1.5, self.groups)
        return by_group[:, None] * np.array([1.0, 2.0])

    def answers(self, random) -> Columns:
        cluster = np.arange(self.images) // self.cluster
        several = int(cluster.max()) + 1
        group = random.integers(0, self.groups, self.images)
        share = np.linspace(0.2, 0.8, self.groups)[random.integers(0, self.groups, several)]
        drawing = (random.random(several) < share)[cluster].astype(int)
        chance = random.random(self.images)
        if self.cluster > 1:
            alike = random.random(self.images) < 0.5
            chance = np.where(alike, random.random(several)[cluster], chance)
        expected = np.where(drawing, DRAWINGS, NEUTRAL)
        scores = np.zeros((self.images, len(LABELS)), dtype=np.float32)
        wrong = chance < self.rates[group, drawing]
        scores[np.arange(self.images), np.where(wrong, PORN, expected)] = 1
        names = [f"group {number:03}" for number in range(self.groups)]
        return Columns(
            sha256=np.zeros((self.images, 32), dtype=np.uint8),
            cluster=cluster.astype(np.uint64),
            expected=expected.astype(np.uint8),
            scores=scores,
            groups={"axis": (names, group.astype(np.int16))},
        )


def held(world: World, random) -> tuple[bool, bool]:
    """Return whether all differences, and all ratios, of one audit are inside their intervals."""
    answers = world.answers(random)
    group, drawing = answers.groups["axis"][1], answers.expected == DRAWINGS
    counts = np.zeros((world.groups, 2))
    np.add.at(counts, (group, drawing.astype(int)), 1)
    result = group_disparity(answers, axis="axis", measure="false_alarm")
    differences, ratios = True, True
    for place, row in enumerate(result["groups"]):
        others = np.arange(world.groups) != place
        mix = counts[place] / counts[place].sum()
        rate = mix @ world.rates[place]
        rest = (counts[others] * world.rates[others]).sum(axis=0) / counts[others].sum(axis=0)
        rest_rate = mix @ rest
        differences &= row["low"] <= rate - rest_rate <= row["high"]
        highest = np.inf if row["ratio_high"] is None else row["ratio_high"]
        ratios &= row["ratio_low"] <= rate / rest_rate <= highest
    return bool(differences), bool(ratios)


WORLDS = [
    World(600, 2),
    World(600, 6),
    World(900, 6, cluster=2),
    World(2_000, 6, cluster=5),
    World(2_000, 6, rate=0.02),
    World(2_000, 6, cluster=5, rate=0.02),
    World(4_000, 40),
    World(4_000, 40, rate=0.02),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    runs = parser.parse_args().runs
    print(f"seed {SEED}, {runs} audits each\n")
    print("| images | groups | images a cluster | rate of photographs | differences | ratios |")
    print("|---|---|---|---|---|---|", flush=True)
    for world in WORLDS:
        random = np.random.default_rng(SEED)
        differences, ratios = np.mean([held(world, random) for _ in range(runs)], axis=0)
        lowest, highest = world.rates[[0, -1], 0]
        print(
            f"| {world.images:,} | {world.groups} | {world.cluster} "
            f"| {percent(lowest)} to {percent(highest)} "
            f"| {percent(differences)} | {percent(ratios)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
