"""Measure how often slices are found although mistakes have nothing to do with what images show.

    PYTHONPATH=. .venv/bin/python bench/slices.py

Takes some minutes. Images show one of 20 things, or nothing in common; the model is wrong on 10% or
30% of them at random. They are independent, or come in fives that look alike and of which every
second outcome is that of its five. Then the model is wrong on 80% of one thing of twenty.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from modeltrain.audit import slices
from modeltrain.formatting import percent, whole_percent

SEED = 20261128
FEATURES = 60
THINGS = 20


@dataclass(frozen=True)
class World:
    images: int
    rate: float
    things: bool = True
    fives: bool = False
    planted: bool = False

    def draw(self, random):
        """Return features, whether each image is wrong, and clusters."""
        n = self.images // 5 if self.fives else self.images
        thing = random.integers(0, THINGS, n)
        centres = np.repeat(8 * np.eye(THINGS), FEATURES // THINGS, axis=1)
        features = np.abs(centres[thing] * self.things + random.normal(0, 0.5, (n, FEATURES)))
        cluster = np.arange(n)
        if self.fives:
            thing, cluster = np.repeat(thing, 5), np.repeat(cluster, 5)
            features = np.abs(features[cluster] + random.normal(0, 0.1, (self.images, FEATURES)))
        chance = random.random(self.images)
        if self.fives:
            shared = random.random(n)[cluster]
            chance = np.where(random.random(self.images) < 0.5, shared, chance)
        rate = np.where(self.planted & (thing == 0), 0.8, self.rate)
        return features.astype(np.float32), chance < rate, [str(name) for name in cluster], thing


WORLDS = [
    *(World(n, rate) for n in (600, 2_000, 5_000) for rate in (0.1, 0.3)),
    World(2_000, 0.3, things=False),
    World(2_000, 0.1, fives=True),
    World(2_000, 0.3, fives=True),
    World(600, 0.1, planted=True),
    World(2_000, 0.1, planted=True),
    World(2_000, 0.1, fives=True, planted=True),
]


def look(world: World, random) -> tuple[bool, bool]:
    """Return whether a region is false, and whether one is mostly the planted thing.

    A region is true if it has more of the planted thing than all images: it is wrong more often.
    """
    features, wrong, clusters, thing = world.draw(random)
    regions = slices.find(features, wrong, clusters)
    shares = [(thing[region.members] == 0).mean() * world.planted for region in regions]
    is_false = any(share <= (thing == 0).mean() for share in shares)
    return is_false, any(share > 0.5 for share in shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    print(f"seed {SEED}, {runs} audits each\n")
    print("| images | wrong | images show | clusters | with a false region | found |")
    print("|---|---|---|---|---|---|", flush=True)
    for world in WORLDS:
        random = np.random.default_rng(SEED)
        false, right = np.mean([look(world, random) for _ in range(runs)], axis=0)
        print(
            f"| {world.images:,} | {whole_percent(world.rate)} "
            f"| {'20 things' if world.things else 'anything'} "
            f"| {'fives' if world.fives else 'independent'} | {percent(false)} "
            f"| {whole_percent(right) if world.planted else ''} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
