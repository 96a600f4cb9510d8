"""Does a candidate open a gap between the groups of an axis?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.claims import ERROR
from modeltrain.audit.columns import ABSENT, CLASS, Columns
from modeltrain.audit.fairness import Clusters, cluster_numbers
from modeltrain.audit.gaps import Gap, OpenedGap, gaps, opened_gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.audit.harm import CONFUSION, FALSE_ALARM, MISS, DecisionRule, possible
from modeltrain.audit.permutation_test import enough_permutations
from modeltrain.audit.strata import strata_of
from modeltrain.gate.cells import Outcome
from modeltrain.gate.paired import count_pairs, difference_interval
from modeltrain.gate.policy import Policy

_ROUNDING = 1e-9

NOT_COMPARABLE, NOT_DEALT = "not comparable", "not dealt"
BETTER_OFF, FEW_IMAGES, CHANCE = "better off", "few images", "chance"

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Disparity:
    """A gap that a candidate opens.

    Attributes
    ----------
    measure, rule, axis, value : str
        What happens more often, at which decision rule, to which group.
    against : str or None
        The reference group that the group is compared with; None if it is the rest of the axis.
    gap : OpenedGap
        Before, now, and what lies between.
    p_value : float
        The chance that any group of any axis falls as far behind the rest, or a reference group,
        if groups do not matter.
    own_change, own_low, own_high : float
        By how much the group's own rate rose, with its interval; below 0 it is better off.
    reference : Gap or None
        Of a gap to the rest: the group against the reference group of its axis, by the candidate.
        None if the policy names none, or there are no comparable images.
    """

    measure: str
    rule: str
    axis: str
    value: str
    against: str | None
    gap: OpenedGap
    p_value: float
    own_change: float
    own_low: float
    own_high: float
    reference: Gap | None

    @property
    def better_off(self) -> bool:
        """Whether the group itself gained by more than chance, though less than the others."""
        return self.own_high < 0

    def tolerated(self, policy: Policy) -> str | None:
        """Return why this gap is told and does not block, or None if it blocks."""
        if self.better_off:
            return BETTER_OFF
        if self.gap.now.clusters < policy.fewest_clusters - _ROUNDING:
            return FEW_IMAGES
        return CHANCE if self.p_value > policy.gap_risk else None


@dataclass(frozen=True)
class ComparedAxis:
    """An axis whose groups are compared with one another.

    Attributes
    ----------
    name : str
    rows : array of int, shape [n]
        The images with a value on it.
    grouping : Grouping
        Of these images.
    reference : str or None
        The group with which each other group is compared as well.
    """

    name: str
    rows: Rows
    grouping: Grouping
    reference: str | None


def compared_axes(answers: Columns, policy: Policy) -> list[ComparedAxis]:
    """Return the axes on which gaps are looked for.

    Parameters
    ----------
    answers : Columns
        Either model's, for the images.
    policy : Policy
        What groups are standardised by.
    """
    clusters = cluster_numbers(answers.cluster)
    references = reference_groups(answers, policy)
    axes = []
    for name in tested_axes(answers, policy):
        rows = np.flatnonzero(answers.groups[name][1] != ABSENT)
        grouping = compared_groups(answers, name, rows, clusters, policy)
        axes.append(ComparedAxis(name, rows, grouping, references.get(name)))
    return axes


@dataclass(frozen=True)
class _Comparison:
    """The groups of an axis against the rest of it, or one of them against the reference group.

    Attributes
    ----------
    axis : ComparedAxis
    rows : array of int, shape [n]
        The images that are compared.
    grouping : Grouping
        Of these images.
    groups : list of str or None
        Which groups are tested; None for all.
    against : str or None
        The reference group, if that is what they are compared with.
    intervals : int or None
        For how many groups the intervals hold at once; None for all.
    share : int
        Among how many comparisons the risk of gaps is divided until one of them has its part.
    """

    axis: ComparedAxis
    rows: Rows
    grouping: Grouping
    groups: Sequence[str] | None
    against: str | None
    intervals: int | None
    share: int


def _comparisons(axes: Sequence[ComparedAxis]) -> Iterator[_Comparison]:
    """Yield what is compared. A reference group counts like one more axis."""
    families = len(axes) + sum(axis.reference is not None for axis in axes)
    for axis in axes:
        yield _Comparison(axis, axis.rows, axis.grouping, None, None, None, families)
        if axis.reference is not None:
            others = [value for value in axis.grouping.values if value != axis.reference]
            for value in others:
                images, pair = axis.grouping.pair(value, axis.reference)
                yield _Comparison(
                    axis,
                    axis.rows[images],
                    pair,
                    groups=[value],
                    against=axis.reference,
                    intervals=len(others),
                    share=families * len(others),
                )


def opened_disparities(
    old: Columns,
    new: Columns,
    outcomes: Sequence[Outcome],
    policy: Policy,
    axes: Sequence[ComparedAxis],
) -> list[Disparity]:
    """Find the gaps that a candidate opens or widens by more than the policy's margin.

    On each axis the groups are compared with one another, among images that agree on what the
    policy standardises by: such an axis says what kind of image it is, and has no groups. Where the
    policy names a reference group, each other group is compared with that one alone as well. The
    p-value is corrected for all groups, kinds of mistake, decision rules and axes, and is at most
    what the policy's level leaves.

    Parameters
    ----------
    old, new : Columns
        The champion's and the candidate's answers to the same images.
    outcomes : sequence of Outcome
        What `outcomes_of` returns of them.
    policy : Policy
    axes : sequence of ComparedAxis
        What `compared_axes` returns.

    Returns
    -------
    list of Disparity
        The widest first.
    """
    errors = Outcome(DecisionRule(), ERROR, old.wrong, new.wrong)
    kinds = [*(outcome for outcome in outcomes if outcome.measure != CONFUSION), errors]
    explicit = possible(MISS, old.expected)
    disparities = []
    for comparison in _comparisons(axes):
        axis, rows, compared = comparison.axis, comparison.rows, comparison.grouping
        everywhere = len(rows) == len(old)
        opened = opened_gaps(
            compared,
            {
                number: (
                    (kind.before, kind.after)
                    if everywhere
                    else (kind.before[rows], kind.after[rows])
                )
                for number, kind in enumerate(kinds)
            },
            strata=dict(enumerate(_strata(compared, kinds, explicit[rows]))),
            groups=comparison.groups,
            intervals=comparison.intervals,
            level=policy.level,
            margin=policy.gap_margin,
            risk=(1 - policy.level) / comparison.share,
            lowest=0.0,
            permutations=enough_permutations(policy.gap_risk / comparison.share),
        )
        for outcome, widened in zip(kinds, opened.values(), strict=True):
            disparities += [
                Disparity(
                    measure=outcome.measure,
                    rule=outcome.rule.name,
                    axis=axis.name,
                    value=gap.now.value,
                    against=comparison.against,
                    gap=gap,
                    p_value=gap.p_value * comparison.share,
                    reference=_against_reference(
                        compared,
                        gap.now.value,
                        None if comparison.against else axis.reference,
                        outcome.after[rows],
                        possible(outcome.measure, old.expected[rows]),
                        policy.level,
                    ),
                    **_own_change(
                        old,
                        _group(old, axis.name, gap.now.value, outcome),
                        outcome,
                        policy.level,
                    ),
                )
                for gap in widened
            ]
    return sorted(disparities, key=lambda disparity: -disparity.gap.change.difference)


def untested_groups(axes: Sequence[ComparedAxis], minimum: int) -> list[tuple[str, str, str]]:
    """Return the groups that have enough images, of which too few can show a gap.

    Either no other group has images of the same stratum (each has a medium of its own). Or nearly
    all images are in clusters with several groups, which keep one image of each in its stratum:
    dealing the groups there changes nothing.

    Parameters
    ----------
    axes : sequence of ComparedAxis
        What `compared_axes` returns.
    minimum : int
        How many images are enough.

    Returns
    -------
    list of (str, str, str)
        Axis, value, and why: `NOT_COMPARABLE` or `NOT_DEALT`.
    """
    untested = []
    for axis in axes:
        compared = axis.grouping
        fixed = _fixed(compared)
        comparable = _several(compared.strata, compared.groups)
        counts = [
            np.bincount(compared.groups[images], minlength=len(compared.values))
            for images in (slice(None), comparable, comparable & ~fixed)
        ]
        untested += [
            (axis.name, value, NOT_COMPARABLE if alike < minimum else NOT_DEALT)
            for value, n, alike, dealt in zip(compared.values, *counts, strict=True)
            if n >= minimum > dealt
        ]
    return sorted(untested)


def _fixed(axis: Grouping) -> Bools:
    """Say of each image whether its cluster has several groups, but none beside it in its stratum.

    Such an image is dealt among its like alone, which changes nothing.
    """
    fixed = _several(axis.clusters, axis.groups)
    mixed = np.flatnonzero(fixed)
    parts = cluster_numbers(axis.clusters[mixed]) * axis.shape[0] + axis.strata[mixed]
    fixed[mixed] = ~_several(parts, axis.groups[mixed])
    return fixed


def _several(members: Rows, groups: NDArray[np.integer]) -> Bools:
    """Say of each image whether there are several groups in what it belongs to."""
    one_of_them = np.zeros(int(members.max(initial=-1)) + 1, dtype=groups.dtype)
    one_of_them[members] = groups
    several = np.zeros(len(one_of_them), dtype=bool)
    several[members[one_of_them[members] != groups]] = True
    return several[members]


def tested_axes(answers: Columns, policy: Policy) -> list[str]:
    """Return the axes that have groups to compare.

    Of axes that repeat each other, it is the first for which the policy names a reference group,
    or the first of all.
    """
    return [
        next((axis for axis in axes if axis in policy.references), axes[0])
        for axes in axes_alike(answers, policy)
    ]


def reference_groups(answers: Columns, policy: Policy) -> dict[str, str]:
    """Return the reference groups that the policy names and the images have, by tested axis."""
    return {
        axis: policy.references[axis]
        for axis in tested_axes(answers, policy)
        if policy.references.get(axis) in answers.groups[axis][0]
    }


def axes_alike(answers: Columns, policy: Policy) -> list[list[str]]:
    """Return the axes that have groups to compare; those that repeat each other together."""
    axes: dict[bytes, list[str]] = {}
    for axis, (values, places) in answers.groups.items():
        if len(values) > 1 and axis not in policy.standardised:
            first = np.empty(len(values) + 1, dtype=np.intp)  # a group is called by its first image
            first[places[::-1]] = np.arange(len(places))[::-1]  # the last one assigned stays
            first[ABSENT] = len(places)
            axes.setdefault(first[places].tobytes(), []).append(axis)
    return list(axes.values())


def _strata(axis: Grouping, kinds: Sequence[Outcome], explicit: Bools) -> list[Bools]:
    """Say in which strata each kind of mistake can happen: shape [strata] each."""
    explicit_strata = np.zeros(axis.shape[0], dtype=bool)
    explicit_strata[axis.strata] = explicit
    by_measure = {FALSE_ALARM: ~explicit_strata, MISS: explicit_strata}
    everywhere = np.ones(axis.shape[0], dtype=bool)
    return [by_measure.get(kind.measure, everywhere) for kind in kinds]


def compared_groups(
    answers: Columns, axis: str, rows: Rows, clusters: Rows, policy: Policy
) -> Grouping:
    """Return the groups of an axis, and among which images they are compared.

    Parameters
    ----------
    answers : Columns
    axis : str
    rows : array of int, shape [n]
        Images that have a value on the axis.
    clusters : array of int, shape [images]
        The cluster of every image, also of those not in `rows`.
    policy : Policy
        What images are standardised by.
    """
    # False alarms and misses befall different images, which are never compared with one another.
    harms = possible(MISS, answers.expected[rows]).astype(np.intp)
    others = [name for name in policy.standardised if name == CLASS or name != axis]
    strata = strata_of(answers, rows, others, within=harms)
    return Grouping(
        values=answers.groups[axis][0],
        groups=answers.groups[axis][1][rows].astype(np.intp),
        strata=strata,
        clusters=clusters[rows],
    ).by_first_image()


def _group(answers: Columns, axis: str, value: str, outcome: Outcome) -> Rows:
    """Return the rows of a group's images to which a kind of mistake can happen."""
    values, places = answers.groups[axis]
    rows = np.flatnonzero(places == values.index(value))
    return rows[possible(outcome.measure, answers.expected[rows])]


def _against_reference(
    axis: Grouping,
    value: str,
    reference: str | None,
    happened: Bools,
    affected: Bools,
    level: float,
) -> Gap | None:
    """Compare a group with the reference group of its axis alone.

    The intervals hold for all groups of the axis but the reference at once.
    """
    if reference is None or reference == value:
        return None
    images, pair = axis.pair(value, reference, among=affected)
    compared = gaps(pair, happened[images], intervals=len(axis.values) - 1, level=level)
    return next((gap for gap in compared if gap.value == value), None)


def _own_change(answers: Columns, images: Rows, outcome: Outcome, level: float) -> dict[str, float]:
    pairs = count_pairs(champion=outcome.before[images], candidate=outcome.after[images])
    effective = Clusters.of(answers.cluster[images]).effective_sample_size(
        outcome.change[images], level=level
    )
    interval = difference_interval(pairs, level=level, effective=effective)
    assert interval is not None
    change = (pairs.only_candidate - pairs.only_champion) / pairs.n
    return {"own_change": change, "own_low": interval[0], "own_high": interval[1]}


def by_group(
    disparities: Sequence[Disparity], answers: Columns, policy: Policy
) -> list[dict[str, Any]]:
    """Return one entry for each group that falls behind, ready for JSON.

    A group falls behind in several kinds of mistake, at several rules, and under several names if
    groups of different axes have the same images. An entry is of the kind that says most, one that
    blocks before one that does not, and `also` lists the others.
    """
    entries: dict[bytes, list[dict[str, Any]]] = {}
    for disparity in disparities:
        values, places = answers.groups[disparity.axis]
        images = np.packbits(places == values.index(disparity.value)).tobytes()
        entries.setdefault(images, []).append(_as_dict(disparity, policy))
    for kinds in entries.values():
        kinds.sort(
            key=lambda kind: (
                not kind["blocks"],
                kind["against"] is not None,
                kind["measure"] == ERROR,
            )
        )
    gaps = [first | {"also": others} for first, *others in entries.values()]
    return sorted(gaps, key=lambda gap: (not gap["blocks"], -gap["difference"]))


def _rates(gap: Gap) -> dict[str, float | None]:
    names = ("rate", "rest_rate", "ratio", "ratio_low", "ratio_high")
    return {name: getattr(gap, name) for name in names}


def _as_dict(disparity: Disparity, policy: Policy) -> dict[str, Any]:
    now, before, change = disparity.gap.now, disparity.gap.before, disparity.gap.change
    tolerated = disparity.tolerated(policy)
    return {
        "measure": disparity.measure,
        "rule": disparity.rule,
        "axis": disparity.axis,
        "value": disparity.value,
        "against": disparity.against,
        "n": now.n,
        "rest": now.rest,
        "before": {"rate": before.rate, "rest_rate": before.rest_rate},
        "now": _rates(now),
        "reference": disparity.reference
        and {
            "value": policy.references[disparity.axis],
            **_rates(disparity.reference),
            "difference": disparity.reference.difference,
            "low": disparity.reference.low,
            "high": disparity.reference.high,
        },
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        "alone_low": disparity.gap.alone[0],
        "alone_high": disparity.gap.alone[1],
        "p_value": disparity.p_value,
        "own_change": disparity.own_change,
        "own_low": disparity.own_low,
        "own_high": disparity.own_high,
        "clusters": now.clusters,
        "blocks": tolerated is None,
        "tolerated": tolerated,
    }
