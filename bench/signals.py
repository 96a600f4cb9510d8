"""Measure the false alarm rate and the power of the signals page.

    PYTHONPATH=. .venv/bin/python bench/signals.py

Takes about a minute. A page has 20 groups on four axes, three kinds of mistake, and 50 to 2,000
networks with one report each. First, groups and kinds are independent, so that any signal is a
false alarm. Then one group's reports are of one kind two or three times as often as
those of other groups.
"""

import argparse
from collections import Counter

import numpy as np

from modeltrain.audit.signals import ContingencyTable, is_signal

AXES, VALUES = 4, 5
KINDS = (0.5, 0.3, 0.2)  # shares of false alarms, misses and confusions among reports
PAGES = 400


def simulate_page(random, networks: int, *, times: float = 1.0) -> set[tuple[int, int, int]]:
    """Return a page's signals as (axis, value, kind). Group 0 of axis 0 has more of kind 2."""
    groups = random.integers(0, VALUES, (networks, AXES))
    kinds = random.choice(3, networks, p=KINDS)
    special = groups[:, 0] == 0
    share = min(times * KINDS[2], 1.0)
    others = np.array(KINDS[:2]) / sum(KINDS[:2]) * (1 - share)
    kinds[special] = random.choice(3, int(special.sum()), p=[*others, share])
    raised = set()
    for axis in range(AXES):
        counts = Counter(zip(groups[:, axis].tolist(), kinds.tolist(), strict=True))
        of_value = Counter(groups[:, axis].tolist())
        of_kind = Counter(kinds.tolist())
        for (value, kind), both in counts.items():
            group, same = of_value[value] - both, of_kind[kind] - both
            if is_signal(ContingencyTable(both, group, same, networks - both - group - same)):
                raised.add((axis, value, kind))
    return raised


def power(random, networks: int, times: float) -> float:
    """The share of pages that show the planted signal."""
    pages = (simulate_page(random, networks, times=times) for _ in range(PAGES))
    return float(np.mean([(0, 0, 2) in page for page in pages]))


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    random = np.random.default_rng(0)
    print("| networks | pages with a false signal | found, twice as often | three times as often |")
    print("|---|---|---|---|", flush=True)
    for networks in (50, 200, 500, 2000):
        false_alarms = np.mean([bool(simulate_page(random, networks)) for _ in range(PAGES)])
        twice, thrice = (power(random, networks, times) for times in (2.0, 3.0))
        print(f"| {networks:,} | {false_alarms:.0%} | {twice:.0%} | {thrice:.0%} |", flush=True)


if __name__ == "__main__":
    main()
