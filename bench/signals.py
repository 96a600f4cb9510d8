"""Measure how often the signals page is wrong, and what it finds.

    PYTHONPATH=. .venv/bin/python bench/signals.py

Takes some minutes. A page has groups on four axes, three kinds of mistake, and 50 to 5,000
networks. First, groups and kinds are independent, so that any signal is false. A network files one
report, or a number from a Pareto distribution (index 1.5, at most 50), all of one kind if it is
single-minded. Then one group's reports are of one kind two or three times as often as those of
other groups.
"""

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np

from modeltrain.audit.signals import ContingencyTable, raised
from modeltrain.formatting import percent, whole_percent

SEED = 20261128
AXES = 4
KINDS = (0.5, 0.3, 0.2)  # shares of false alarms, misses and confusions among reports
PLANTED = (0, 0, 2)  # group 0 of axis 0 has more of kind 2


@dataclass(frozen=True)
class World:
    """`values` groups on each axis, of equal size or falling as 1/rank; and how networks report."""

    networks: int
    values: int = 5
    uneven: bool = False
    heavy: bool = False
    single_minded: bool = False

    def reports(self, random, times: float):
        """Return each report's network, groups and kind."""
        filed = np.ones(self.networks, dtype=int)
        if self.heavy:
            filed = np.minimum(np.ceil(random.pareto(1.5, self.networks) + 1e-9), 50).astype(int)
        network = np.repeat(np.arange(self.networks), filed)
        shares = 1 / np.arange(1, self.values + 1) if self.uneven else np.ones(self.values)
        groups = random.choice(self.values, (len(network), AXES), p=shares / shares.sum())
        kinds = random.choice(3, self.networks if self.single_minded else len(network), p=KINDS)
        kinds = kinds[network] if self.single_minded else kinds
        special = groups[:, 0] == 0
        if times > 1:
            others = np.array(KINDS[:2]) / sum(KINDS[:2]) * (1 - times * KINDS[2])
            kinds[special] = random.choice(3, int(special.sum()), p=[*others, times * KINDS[2]])
        return network, groups, kinds

    def page(self, random, *, times: float = 1.0) -> set[tuple[int, int, int]]:
        """Return a page's signals as (axis, value, kind), counted as the site counts them."""
        network, groups, kinds = self.reports(random, times)
        tables = {}
        for axis in range(AXES):
            statements = set(zip(network, groups[:, axis].tolist(), kinds.tolist(), strict=True))
            counts = Counter((value, kind) for _, value, kind in statements)
            of_value = Counter(value for _, value, _ in statements)
            of_kind = Counter(kind for _, _, kind in statements)
            for (value, kind), both in counts.items():
                group, same = of_value[value] - both, of_kind[kind] - both
                rest = len(statements) - both - group - same
                tables[axis, value, kind] = ContingencyTable(both, group, same, rest)
        signals = zip(tables, raised(list(tables.values())), strict=True)
        return {place for place, is_signal in signals if is_signal}


WORLDS = [
    *(World(networks) for networks in (50, 200, 500, 2_000, 5_000)),
    World(500, values=50),
    World(2_000, values=50, uneven=True),
    World(500, heavy=True),
    World(500, heavy=True, single_minded=True),
    World(2_000, values=50, uneven=True, heavy=True, single_minded=True),
]


def power(world: World, random, times: float, pages: int) -> str:
    """Return the share of pages that show the planted signal."""
    return whole_percent(
        np.mean([PLANTED in world.page(random, times=times) for _ in range(pages)])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=400)
    pages = parser.parse_args().pages
    print(f"seed {SEED}, {pages} pages each\n")
    print("| networks | groups | sizes | reports of a network | false | twice | three times |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for world in WORLDS:
        random = np.random.default_rng(SEED)
        false = np.mean([bool(world.page(random)) for _ in range(pages)])
        reports = "many of one kind" if world.single_minded else "many" if world.heavy else "one"
        powers = ("", "")
        if not world.single_minded:
            powers = tuple(power(world, random, times, pages) for times in (2.0, 3.0))
        print(
            f"| {world.networks:,} | {AXES * world.values} | {'uneven' if world.uneven else 'even'}"
            f" | {reports} | {percent(false)} | {' | '.join(powers)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
