"""Headlines: what may be claimed about an audit, and for which groups.

The worst of many groups looks bad even if all of them are alike. A group is therefore named only
if it differs from the rest of its axis by more than chance would make *some* group of *some* axis
differ, on comparable images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.claims import (
    COMPOSITION,
    ERROR,
    GROUP,
    MEASURES,
    NO_IMAGES,
    NOT_TOLD_APART,
    STANDARDISED,
    Headline,
    sentence,
)
from modeltrain.audit.columns import ABSENT, CLASS, Columns
from modeltrain.audit.fairness import cluster_numbers, clustered_rate
from modeltrain.audit.gaps import Gap, gaps, opened_gaps
from modeltrain.audit.grouping import Grouping
from modeltrain.audit.harm import CONFUSION, FALSE_ALARM, MISS, DecisionRule, possible
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.audit.permutation_test import PERMUTATIONS, SEED, enough_permutations
from modeltrain.audit.strata import strata_of
from modeltrain.labels import LABELS

CHOSEN_BY_MISTAKES = ("slice",)  # axes whose groups were chosen because the model is wrong there


Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class _Family:
    """What is tested together: an axis's images, and who suffers which mistake on them."""

    name: str
    rows: Rows
    axis: Grouping
    outcomes: Mapping[str, Bools]

    @property
    def is_composition(self) -> bool:
        return self.name in STANDARDISED

    def p_values(self, permutations: int, seed: int, risk: float) -> dict[tuple[str, str], float]:
        """Return the chance that some group stands out as much, by measure and group.

        Only chances of at most `risk` are returned.
        """
        nothing = np.zeros(len(self.rows), dtype=np.bool_)
        changes = {
            # Where most images are wrong, dealing the few that are right gives the same test.
            measure: (nothing, wrong) if wrong.mean() <= 0.5 else (~wrong, nothing)
            for measure, wrong in self.outcomes.items()
        }
        opened = opened_gaps(self.axis, changes, permutations=permutations, seed=seed, risk=risk)
        return {
            (measure, gap.now.value): gap.p_value
            for measure, groups in opened.items()
            for gap in groups
        }


def headlines(
    answers: Columns,
    *,
    minimum: int = MINIMUM_IMAGES,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> list[Headline]:
    """Say for each kind of mistake how often it happens, and to which groups more than to others.

    Each group is compared with the rest of its axis, among images of the same label and medium. If
    groups did not matter, they could be permuted among those images; the smallest p-value of
    an axis is compared with the smallest ones under such permutations (`gaps.opened_gaps`), and
    multiplied by the number of axes and kinds of images that were looked at (Bonferroni). A group
    is told apart if that p-value is at most 1 - level and its interval, which holds for everything
    that was looked at, is above 0. Where nothing is the matter, a group is named in at most
    1 - level of audits.

    Medium and label describe how a set is composed; they are tested in the same way, without
    standardisation, and named only if no group is told apart.

    Parameters
    ----------
    answers : Columns
        A model's answers to n images.
    minimum : int
        Images on which a mistake could happen that a group needs to be named.
    level : float
        Of everything that is claimed at once.
    permutations, seed : int
        Of the test; there are more permutations where more than 20 families are tested, so that the
        level can be reached.

    Returns
    -------
    list of dict
        One for each of `MEASURES`, in this order, ready for JSON; docs/audits.md has the shape.
    """
    families = list(_families(answers))
    differing = [_may_differ(family) for family in families]
    looked_at = max(sum(differing), 1)
    risk = (1 - level) / looked_at
    permutations = enough_permutations(risk, at_least=permutations)
    tested = [
        (family, family.p_values(permutations, seed, risk) if differs else {})
        for family, differs in zip(families, differing, strict=True)
    ]
    level_of_one = 1 - risk
    told_apart = [
        _told_apart(family, p_values, looked_at, level_of_one, minimum)
        for family, p_values in tested
    ]
    return [
        _headline(answers, measure, families, told_apart, minimum=minimum, level=level)
        for measure in MEASURES
    ]


def _families(answers: Columns) -> Iterator[_Family]:
    mistakes = DecisionRule().mistakes(expected=answers.expected, scores=answers.scores)
    mistakes[ERROR] = answers.wrong
    axes = {CLASS: (list(LABELS), answers.expected.astype(np.intp))} | {
        name: (values, indices.astype(np.intp))
        for name, (values, indices) in answers.groups.items()
        if name not in CHOSEN_BY_MISTAKES
    }
    for name, (values, indices) in axes.items():
        for measures in ((FALSE_ALARM,), (MISS,), (CONFUSION, ERROR)):
            can_happen = possible(measures[0], answers.expected)
            rows = np.flatnonzero((indices != ABSENT) & can_happen)
            if len(rows):
                axis = Grouping(
                    values=values,
                    groups=indices[rows],
                    strata=_strata(answers, name, rows),
                    clusters=cluster_numbers(answers.cluster[rows]),
                ).by_first_image()
                outcomes = {measure: mistakes[measure][rows] for measure in measures}
                yield _Family(name, rows, axis, outcomes)


def _strata(answers: Columns, axis: str, rows: Rows) -> Rows:
    """Number the combinations of label and medium; one stratum for an axis that is one of both."""
    return strata_of(answers, rows, () if axis in STANDARDISED else STANDARDISED)


def _may_differ(family: _Family) -> bool:
    """Whether there are two groups, and something that happened to some images and not to all."""
    several = bool((family.axis.groups != family.axis.groups[0]).any())
    return several and any(wrong.any() and not wrong.all() for wrong in family.outcomes.values())


def _told_apart(
    family: _Family,
    p_values: Mapping[tuple[str, str], float],
    looked_at: int,
    level_of_one: float,
    minimum: int,
) -> dict[str, list[dict[str, Any]]]:
    """Return the groups of a family that are told apart, by measure."""
    groups: dict[str, list[dict[str, Any]]] = {measure: [] for measure in family.outcomes}
    enough = {
        value
        for value, clusters in zip(family.axis.values, _comparable_clusters(family), strict=True)
        if clusters >= minimum
    }
    for measure in {measure for measure, _ in p_values}:
        for gap in gaps(family.axis, family.outcomes[measure], level=level_of_one):
            p_value = p_values.get((measure, gap.value))
            if p_value is not None and gap.low > 0 and gap.value in enough:
                groups[measure].append(_as_dict(family.name, gap, p_value * looked_at))
    return groups


def _as_dict(axis: str, gap: Gap, p_value: float) -> dict[str, Any]:
    return {
        "axis": axis,
        "value": gap.value,
        "n": gap.n,
        "rate": gap.rate,
        "rest": gap.rest,
        "rest_rate": gap.rest_rate,
        "difference": gap.difference,
        "low": gap.low,
        "high": gap.high,
        "p_value": p_value,
    }


def _headline(
    answers: Columns,
    measure: str,
    families: Sequence[_Family],
    told_apart: Sequence[Mapping[str, list[dict[str, Any]]]],
    *,
    minimum: int,
    level: float,
) -> Headline:
    eligible = np.flatnonzero(possible(measure, answers.expected))
    # The axis of labels says of every image whether the mistake could happen to it.
    overall = next((f for f in families if f.name == CLASS and measure in f.outcomes), None)
    happened = overall.outcomes[measure] if overall else np.zeros(0, dtype=np.bool_)
    headline: Headline = {
        "measure": measure,
        "kind": NOT_TOLD_APART if len(eligible) else NO_IMAGES,
        "level": level,
        **clustered_rate(happened, answers.cluster[eligible], level=level),
        "images": {
            label: int(count)
            for label, count in zip(
                LABELS,
                np.bincount(answers.expected[eligible], minlength=len(LABELS)),
                strict=True,
            )
            if count
        },
        "compared": [],
        "groups": [],
        "tied": [],
        "composition": [],
    }
    composition = []
    for family, groups in zip(families, told_apart, strict=True):
        if measure not in family.outcomes:
            continue
        if family.is_composition:
            if groups[measure]:
                composition.append(family)
        elif _comparable(family, minimum):
            headline["compared"].append(family.name)
            headline["groups"] += groups[measure]
    if headline["groups"]:
        headline["kind"] = GROUP
        headline["groups"].sort(key=lambda group: -group["low"])
        lead = headline["groups"][0]
        family = next(f for f in families if f.name == lead["axis"] and measure in f.outcomes)
        headline["tied"] = _tied(family, measure, lead["value"], minimum, level)
    if composition:
        headline["composition"] = _composition(composition, measure, minimum, level)
        if headline["kind"] == NOT_TOLD_APART:
            headline["kind"] = COMPOSITION
    return headline | {"sentence": sentence(headline)}


def _comparable(family: _Family, minimum: int) -> bool:
    """Whether some group has enough images beside comparable ones of another group."""
    return bool((_comparable_clusters(family) >= minimum).any())


def _comparable_clusters(family: _Family) -> Rows:
    """Return how many clusters each group has in strata that other groups are in: [groups]."""
    axis = family.axis
    table = np.zeros((len(axis.values), int(axis.strata.max()) + 1), dtype=np.bool_)
    table[axis.groups, axis.strata] = True
    shared = table.sum(axis=0) > 1
    return _clusters_of_groups(axis, np.flatnonzero(shared[axis.strata]))


def _clusters_of_groups(axis: Grouping, rows: Rows) -> Rows:
    """Return how many clusters each group has among some images: shape [groups]."""
    several = int(axis.clusters.max()) + 1
    in_group = np.unique(axis.groups[rows] * several + axis.clusters[rows]) // several
    return np.bincount(in_group, minlength=len(axis.values))


def _tied(family: _Family, measure: str, value: str, minimum: int, level: float) -> list[str]:
    """Return the other groups that may be as badly off as one, those with the most images first."""
    place = list(family.axis.values).index(value)
    sizes = np.bincount(family.axis.groups, minlength=len(family.axis.values))
    clusters = _clusters_of_groups(family.axis, np.arange(len(family.axis.groups)))
    others = [p for p in np.argsort(-sizes, kind="stable") if p != place and clusters[p] >= minimum]
    level_of_one = 1 - (1 - level) / max(len(others), 1)
    tied = []
    for other in others:
        rows = np.flatnonzero(np.isin(family.axis.groups, (place, other)))
        pair = Grouping(
            values=[value, family.axis.values[other]],
            groups=(family.axis.groups[rows] != place).astype(np.intp),
            strata=family.axis.strata[rows],
            clusters=cluster_numbers(family.axis.clusters[rows]),
        )
        compared = gaps(pair, family.outcomes[measure][rows], level=level_of_one)
        if compared and compared[0].low <= 0:
            tied.append(family.axis.values[other])
    return tied


def _composition(
    families: Sequence[_Family], measure: str, minimum: int, level: float
) -> list[dict[str, Any]]:
    """Return the rate of each value of these axes; first the axis that says most of a mistake."""

    def explained(family: _Family) -> float:
        counts = np.bincount(family.axis.groups)
        sums = np.bincount(family.axis.groups, weights=family.outcomes[measure])
        return float((sums**2 / np.maximum(counts, 1)).sum()) / len(family.rows)

    # Of two axes with the same images, the medium: that a label decides goes without saying.
    ordered = sorted(families, key=lambda family: (-explained(family), family.name == CLASS))
    return [
        {"axis": family.name, "values": _rates(family, measure, minimum, level)}
        for family in ordered
    ]


def _rates(family: _Family, measure: str, minimum: int, level: float) -> list[dict[str, Any]]:
    axis, values = family.axis, []
    for place in np.unique(axis.groups):
        rows = axis.groups == place
        events = family.outcomes[measure][rows]
        figures = clustered_rate(events, axis.clusters[rows], level=level)
        if figures["clusters"] >= minimum:
            values.append({"value": axis.values[place]} | figures)
    return sorted(values, key=lambda value: (-value["rate"], value["value"]))
