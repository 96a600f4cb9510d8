"""Does a candidate open a gap between the groups of an axis?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.columns import ABSENT, Columns
from modeltrain.audit.fairness import Clusters, cluster_numbers
from modeltrain.audit.gaps import Axis, OpenedGap, opened_gaps
from modeltrain.audit.harm import CONFUSION, FALSE_ALARM, MISS, DecisionRule, possible
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.gate.policy import CLASS, Policy

ERROR = "error"

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Disparity:
    """A gap that a candidate opens.

    Attributes
    ----------
    measure, rule, axis, value : str
        What happens more often, at which decision rule, to which group.
    gap : OpenedGap
        Before, now, and what lies between.
    p_value : float
        The chance that any group of any axis falls as far behind if groups do not matter.
    own_change, own_low, own_high : float
        By how much the group's own rate rose, with its interval; below 0 it is better off.
    """

    measure: str
    rule: str
    axis: str
    value: str
    gap: OpenedGap
    p_value: float
    own_change: float
    own_low: float
    own_high: float

    @property
    def better_off(self) -> bool:
        """Whether the group itself gained by more than chance, though less than the others."""
        return self.own_high < 0


def opened_disparities(old: Columns, new: Columns, policy: Policy) -> list[Disparity]:
    """Find the gaps that a candidate opens or widens by more than the policy's margin.

    On each axis the groups are compared with one another, among images that agree on what the
    policy standardises by. The p-value is corrected for all groups, kinds of mistake, decision
    rules and axes.

    Parameters
    ----------
    old, new : Columns
        The champion's and the candidate's answers to the same images.
    policy : Policy

    Returns
    -------
    list of Disparity
        The widest first.
    """
    families = list(_families(old, new, policy))
    clusters = cluster_numbers(old.cluster)
    disparities = []
    for axis, rows, values, outcomes in families:
        opened = opened_gaps(
            _axis(old, axis, rows, values, clusters, policy),
            outcomes,
            level=policy.level,
            margin=policy.gap_margin,
            risk=policy.gap_risk / len(families),
        )
        for name, gaps in opened.items():
            measure, _, rule = name.partition("@")
            for gap in gaps:
                group = old.groups[axis][1][rows] == values.index(gap.now.value)
                own = _own_change(old, rows[group], outcomes[name], group, policy.level)
                p_value = gap.p_value * len(families)
                disparities.append(
                    Disparity(measure, rule, axis, gap.now.value, gap, p_value, *own)
                )
    return sorted(disparities, key=lambda disparity: -disparity.gap.change.difference)


def _families(
    old: Columns, new: Columns, policy: Policy
) -> Iterator[tuple[str, Rows, list[str], dict[str, tuple[Bools, Bools]]]]:
    """Yield what is tested together: an axis's images, and who makes which mistake on them."""
    mistakes = {
        rule.name: [
            rule.mistakes(expected=answers.expected, scores=answers.scores)
            for answers in (old, new)
        ]
        for rule in policy.rules
    }
    wrong = (old.wrong, new.wrong)
    for axis, (values, indices) in old.groups.items():
        if len(values) < 2:
            continue
        for measure in (FALSE_ALARM, MISS, ERROR):
            can_happen = possible(CONFUSION if measure == ERROR else measure, old.expected)
            rows = np.flatnonzero((indices != ABSENT) & can_happen)
            if measure == ERROR:
                outcomes = {f"{ERROR}@{DecisionRule().name}": (wrong[0][rows], wrong[1][rows])}
            else:
                outcomes = {
                    f"{measure}@{rule}": (before[measure][rows], after[measure][rows])
                    for rule, (before, after) in mistakes.items()
                }
            if len(rows) and any((before != after).any() for before, after in outcomes.values()):
                yield axis, rows, values, outcomes


def _axis(
    answers: Columns,
    axis: str,
    rows: Rows,
    values: Sequence[str],
    clusters: Rows,
    policy: Policy,
) -> Axis:
    strata = np.zeros(len(rows), dtype=np.intp)
    for name in policy.standardised:
        if name == CLASS:
            strata = _parted(strata, answers.expected[rows])
        elif name != axis and name in answers.groups:
            strata = _parted(strata, answers.groups[name][1][rows] + 1)
    return Axis(
        values=values,
        groups=answers.groups[axis][1][rows].astype(np.intp),
        strata=strata,
        clusters=clusters[rows],
    )


def _parted(strata: Rows, numbers: NDArray[np.integer]) -> Rows:
    """Part strata by another number, and number those that exist from 0 on."""
    parted = strata * (int(numbers.max(initial=0)) + 1) + numbers
    exists = np.bincount(parted) > 0
    renumbered: Rows = (np.cumsum(exists) - 1)[parted]
    return renumbered


def _own_change(
    answers: Columns,
    images: Rows,
    outcomes: tuple[Bools, Bools],
    group: Bools,
    level: float,
) -> tuple[float, float, float]:
    before, after = (outcome[group] for outcome in outcomes)
    pairs = count_pairs(champion=before, candidate=after)
    clusters = Clusters.of(answers.cluster[images])
    change = after.astype(np.int8) - before.astype(np.int8)
    effective = clusters.effective_sample_size(change, level=level)
    interval = difference_interval(pairs, level=level, effective=effective)
    assert interval is not None
    return (pairs.only_candidate - pairs.only_champion) / pairs.n, *interval


def as_dict(disparity: Disparity) -> dict[str, Any]:
    """Return a disparity ready for JSON."""
    now, before, change = disparity.gap.now, disparity.gap.before, disparity.gap.change
    return {
        "measure": disparity.measure,
        "rule": disparity.rule,
        "axis": disparity.axis,
        "value": disparity.value,
        "n": now.n,
        "rest": now.rest,
        "before": {"rate": before.rate, "rest_rate": before.rest_rate},
        "now": {"rate": now.rate, "rest_rate": now.rest_rate, "ratio": now.ratio},
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        "p_value": disparity.p_value,
        "own_change": disparity.own_change,
        "own_low": disparity.own_low,
        "own_high": disparity.own_high,
        "blocks": not disparity.better_off,
    }
