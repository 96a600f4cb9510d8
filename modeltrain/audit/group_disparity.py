"""Each group of an axis beside the others, and beside a reference group, under one model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.claims import ERROR, STANDARDISED
from modeltrain.audit.columns import ABSENT, Columns
from modeltrain.audit.fairness import cluster_numbers, effective_sample_size, wilson_limits
from modeltrain.audit.grouping import Grouping
from modeltrain.audit.harm import DecisionRule, possible
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.audit.mover import IntervalEstimate, difference_interval, ratio_interval
from modeltrain.audit.strata import strata_of

REST, REFERENCE = "rest", "reference"
NO_IMAGES, NOT_COMPARABLE = "no such images", "nobody to compare with"
NOT_ENOUGH = "not enough images"

_COUNTS = ("n", "clusters", "rest", "rest_clusters")
_FIGURES = ("rate", "rest_rate", "difference", "low", "high", "ratio", "ratio_low", "ratio_high")

Bools = NDArray[np.bool_]
Row = dict[str, Any]


def group_disparity(
    answers: Columns,
    *,
    axis: str,
    measure: str,
    reference: str | None = None,
    minimum: int = MINIMUM_IMAGES,
    level: float = 0.95,
) -> dict[str, Any]:
    """Compare a kind of mistake between the groups of an axis, among images of the same kind.

    The others are standardised to the group's own composition: right label and medium, as far as
    the axis is not one of them. Each side has Wilson's interval, for as many images as carry the
    same information; those of difference and ratio follow from the two and from how alike the
    sides are in clusters that both share (`mover`), with Šidák's correction for the number of
    groups.

    Parameters
    ----------
    answers : Columns
        A model's answers to n images.
    axis : str
        One of `answers.groups`.
    measure : str
        From `harm.MEASURES`, or `claims.ERROR`; the label with the highest score decides.
    reference : str, optional
        A group that the others are compared with as well, one by one. If the axis does not have
        it, nothing is.
    minimum : int
        Clusters that both sides need, of images that are compared.
    level : float
        Of all intervals of the axis at once: of the differences, and of the ratios, with the rest,
        and with the reference.

    Returns
    -------
    dict
        Ready for JSON; `groups` has a row for each group and what it is compared with.
        docs/audits.md has the shape.
    """
    values, places = answers.groups[axis]
    standardised = [name for name in STANDARDISED if name != axis]
    rows = np.flatnonzero((places != ABSENT) & possible(measure, answers.expected))
    happened = answers.wrong
    if measure != ERROR:
        rule = DecisionRule()
        happened = rule.mistakes(expected=answers.expected, scores=answers.scores)[measure]
    happened = happened[rows]
    grouping = Grouping(
        values=values,
        groups=places[rows].astype(np.intp),
        strata=strata_of(answers, rows, standardised),
        clusters=cluster_numbers(answers.cluster[rows]),
    )
    table = _beside_rest(grouping, happened, minimum, level)
    if reference in values:
        table += _beside_reference(grouping, reference, happened, minimum, level)
    return {
        "axis": axis,
        "measure": measure,
        "level": level,
        "minimum": minimum,
        "standardised": standardised,
        "reference": reference if reference in values else None,
        "groups": table,
    }


def _beside_rest(axis: Grouping, happened: Bools, minimum: int, level: float) -> list[Row]:
    present = axis.counts() > 0
    comparable = (present & (present.sum(axis=1, keepdims=True) > 1)).any(axis=0)
    level_of_one = level ** (1 / max(comparable.sum(), 1))
    return [
        _row(axis, place, REST, happened, minimum, level_of_one)
        for place in range(len(axis.values))
    ]


def _beside_reference(
    axis: Grouping, reference: str, happened: Bools, minimum: int, level: float
) -> list[Row]:
    other, present = list(axis.values).index(reference), axis.counts() > 0
    comparable = (present & present[:, [other]]).any(axis=0)
    level_of_one = level ** (1 / max(comparable.sum() - 1, 1))
    table = []
    for value in axis.values:
        if value != reference:
            images, pair = axis.pair(value, reference)
            table.append(_row(pair, 0, REFERENCE, happened[images], minimum, level_of_one))
    return table


def _row(
    axis: Grouping, place: int, against: str, happened: Bools, minimum: int, level: float
) -> Row:
    """Compare a group with all other images."""
    inside = axis.groups == place
    counts, others = (
        np.bincount(axis.strata[side], minlength=axis.shape[0]) for side in (inside, ~inside)
    )
    row: Row = {"group": axis.values[place], "against": against, "images": int(counts.sum())}
    comparable = (counts > 0) & (others > 0)
    if not comparable.any():
        missing = NOT_COMPARABLE if row["images"] else NO_IMAGES
        return row | dict.fromkeys(_COUNTS, 0) | dict.fromkeys(_FIGURES) | {"missing": missing}
    of_group = comparable / counts[comparable].sum()
    of_rest = of_group * counts / np.maximum(others, 1)
    group = _Side.of(axis, happened, np.where(inside, of_group[axis.strata], 0.0), level)
    rest = _Side.of(axis, happened, np.where(inside, 0.0, of_rest[axis.strata]), level)
    correlation = group.correlation(rest)
    low, high = difference_interval(group.rate, rest.rate, correlation=correlation)
    ratio_low, ratio_high = ratio_interval(group.rate, rest.rate, correlation=correlation)
    return row | {
        "n": group.n,
        "clusters": group.clusters,
        "rest": rest.n,
        "rest_clusters": rest.clusters,
        "rate": group.rate.value,
        "rest_rate": rest.rate.value,
        "difference": group.rate.value - rest.rate.value,
        "low": low,
        "high": high,
        "ratio": group.rate.value / rest.rate.value if rest.rate.value else None,
        "ratio_low": ratio_low,
        "ratio_high": ratio_high if ratio_high < math.inf else None,
        "missing": None if min(group.clusters, rest.clusters) >= minimum else NOT_ENOUGH,
    }


@dataclass(frozen=True)
class _Side:
    """What is compared of a group, or of the rest.

    Attributes
    ----------
    rate : IntervalEstimate
    n, clusters : int
        Images and clusters.
    totals : array of float, shape [clusters of the axis]
        What each cluster adds to the rate, beyond the mean of its strata.
    """

    rate: IntervalEstimate
    n: int
    clusters: int
    totals: NDArray[np.float64]

    @classmethod
    def of(
        cls, axis: Grouping, happened: Bools, weights: NDArray[np.float64], level: float
    ) -> _Side:
        """Add up images by weight: shape [n], with a sum of 1."""
        images = np.flatnonzero(weights)
        weights, strata, clusters = weights[images], axis.strata[images], axis.clusters[images]
        events = happened[images]
        # Unequal weights tell less (Kish), and so do images that are alike.
        effective = effective_sample_size(events, clusters, level=level)
        effective /= (weights**2).sum() * len(images)
        rate = min(float(weights @ events), 1.0)
        low, high = wilson_limits(rate * effective, effective, level=level)
        means = np.bincount(strata, weights=events) / np.maximum(np.bincount(strata), 1)
        residuals = weights * (events - means[strata])
        several = int(axis.clusters.max(initial=-1)) + 1
        totals = np.bincount(clusters, weights=residuals, minlength=several)
        return cls(
            rate=IntervalEstimate(rate, float(low), float(high)),
            n=len(images),
            clusters=int(np.count_nonzero(np.bincount(clusters))),
            totals=totals.astype(np.float64),
        )

    def correlation(self, other: _Side) -> float:
        """Return how alike both sides are where they share clusters: 0 where they share none."""
        squares = (self.totals**2).sum() * (other.totals**2).sum()
        return float(self.totals @ other.totals / math.sqrt(squares)) if squares > 0 else 0.0
