"""Each group of an axis beside the others, and beside a reference group, under one model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.claims import ERROR, STANDARDISED
from modeltrain.audit.columns import ABSENT, Columns
from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.gaps import Gap, gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.audit.harm import DecisionRule, possible
from modeltrain.audit.minimum import MINIMUM_IMAGES
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
    the axis is not one of them. Intervals are those of `gaps.gaps`, which holds images of one
    cluster to be paired.

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
    by_rest = {gap.value: (gap, grouping) for gap in gaps(grouping, happened, level=level)}
    table = [_row(grouping, value, REST, by_rest.get(value), minimum) for value in values]
    if reference in values:
        by_reference = _beside(grouping, reference, happened, level)
        table += [
            _row(grouping, value, REFERENCE, by_reference.get(value), minimum)
            for value in values
            if value != reference
        ]
    return {
        "axis": axis,
        "measure": measure,
        "level": level,
        "minimum": minimum,
        "standardised": standardised,
        "reference": reference if reference in values else None,
        "groups": table,
    }


def _beside(
    axis: Grouping, reference: str, happened: Bools, level: float
) -> dict[str, tuple[Gap, Grouping]]:
    """Compare each group with the reference group alone, by the group's name."""
    pairs = list(_pairs(axis, reference))
    # `gaps` takes both intervals of a pair to hold at once, and here those of all pairs must.
    level_of_pair = level ** (2 / max(len(pairs), 1))
    return {
        pair.values[0]: (gaps(pair, happened[images], level=level_of_pair)[0], pair)
        for images, pair in pairs
    }


def _pairs(axis: Grouping, reference: str) -> Iterator[tuple[NDArray[np.intp], Grouping]]:
    """Yield each group that can be compared with the reference: their images, group first."""
    for value in axis.values:
        images, pair = axis.pair(value, reference)
        if value != reference and _comparable(pair, 0).any():
            yield images, pair


def _row(
    axis: Grouping, value: str, against: str, compared: tuple[Gap, Grouping] | None, minimum: int
) -> Row:
    images = axis.groups == list(axis.values).index(value)
    row: Row = {"group": value, "against": against, "images": int(images.sum())}
    if compared is None:
        missing = NOT_COMPARABLE if row["images"] else NO_IMAGES
        return row | dict.fromkeys(_COUNTS, 0) | dict.fromkeys(_FIGURES) | {"missing": missing}
    gap, grouping = compared
    place = list(grouping.values).index(value)
    comparable, inside = _comparable(grouping, place), grouping.groups == place
    clusters = _clusters(grouping, comparable & inside)
    rest_clusters = _clusters(grouping, comparable & ~inside)
    counts = zip(_COUNTS, (gap.n, clusters, gap.rest, rest_clusters), strict=True)
    figures = {name: getattr(gap, name) for name in _FIGURES}
    enough = min(clusters, rest_clusters) >= minimum
    return row | dict(counts) | figures | {"missing": None if enough else NOT_ENOUGH}


def _comparable(axis: Grouping, place: int) -> Bools:
    """Say which images are of a stratum that has images of a group and of others: [n]."""
    inside = axis.groups == place
    counts = [np.bincount(axis.strata[side], minlength=axis.shape[0]) for side in (inside, ~inside)]
    both: Bools = ((counts[0] > 0) & (counts[1] > 0))[axis.strata]
    return both


def _clusters(axis: Grouping, images: Bools) -> int:
    return int(np.count_nonzero(np.bincount(axis.clusters[images])))
