"""Champion and candidate, cell by cell: a kind of mistake, at a decision rule, in a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import binom

from modeltrain.audit.columns import ABSENT, CLASS, OVERALL, Columns
from modeltrain.audit.fairness import Clusters
from modeltrain.audit.harm import CONFUSION, MEASURES, Bools, DecisionRule, possible
from modeltrain.gate.paired import Pairs, count_pairs, difference_interval
from modeltrain.gate.policy import Policy
from modeltrain.gate.sign_flips import sign_flips
from modeltrain.labels import LABELS

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Comparison:
    """Both models on one cell's images.

    Attributes
    ----------
    measure, rule : str
        The kind of mistake, and the name of the decision rule.
    axis, value : str
        Which images: all, a class, a group, or a combination of groups.
    pairs : Pairs
        Which model makes the mistake, of the images to which it can happen.
    clusters : int
        Of how many clusters these images are.
    effective : float
        As many independent images would tell as much about the difference.
    interval : (float, float) or None
        Of the candidate's rate minus the champion's; None without images.
    same_images_as : str
        The first cell with the very same images, as `axis=value`; empty if there is none before.
    p_value : float
        The chance that some cell looks as bad as this one if no cell is worse: mid-p.
    exact_p_value : float
        The same, with all of what is exactly as bad.
    """

    measure: str
    rule: str
    axis: str
    value: str
    pairs: Pairs
    clusters: int
    effective: float
    interval: tuple[float, float] | None
    same_images_as: str
    p_value: float = 1.0
    exact_p_value: float = 1.0


def compare_cells(
    answers: Columns, outcomes: Sequence[Outcome], policy: Policy
) -> list[Comparison]:
    """Compare two models in every cell that a policy looks at, and test whether one is worse.

    Parameters
    ----------
    answers : Columns
        Either model's, for the images.
    outcomes : sequence of Outcome
        What `outcomes_of` returns.
    policy : Policy

    Returns
    -------
    list of Comparison
        As `count_cells` returns them, with p-values.
    """
    comparisons, differences = count_cells(answers, outcomes, policy)
    tested = sign_flips(differences)
    return [
        replace(comparison, p_value=float(p_value), exact_p_value=float(exact))
        for comparison, p_value, exact in zip(
            comparisons, tested.adjusted, tested.exact, strict=True
        )
    ]


def count_cells(
    answers: Columns, outcomes: Sequence[Outcome], policy: Policy
) -> tuple[list[Comparison], sparse.csc_array]:
    """Count in every cell that a policy looks at which of two models makes a mistake.

    Parameters
    ----------
    answers : Columns
        Either model's, for the images.
    outcomes : sequence of Outcome
        What `outcomes_of` returns.
    policy : Policy

    Returns
    -------
    comparisons : list of Comparison
        Without p-values. Cells to which a kind of mistake cannot happen are left out.
    differences : scipy.sparse.csc_array of int, shape [clusters, cells]
        Newly wrong minus newly right images of each cluster in each cell.
    """
    all_clusters = Clusters.of(answers.cluster)
    numbers = all_clusters.members
    affected = {measure: possible(measure, answers.expected) for measure in MEASURES}
    first_names: dict[bytes, str] = {}
    comparisons, differences = [], []
    for axis, value, rows in _cells(answers, policy):
        same_images_as = first_names.setdefault(rows.tobytes(), name := f"{axis}={value}")
        for measure in MEASURES:
            images = rows[affected[measure][rows]]
            clusters = Clusters.of(numbers[images])
            for outcome in outcomes:
                if outcome.measure != measure:
                    continue
                if not len(images) and (len(rows) or outcome is not outcomes[0]):
                    continue  # it cannot happen here; a cell without any image is told once
                same = "" if same_images_as == name else same_images_as
                comparison, change = _compare(
                    outcome, images, clusters, policy.level, (axis, value, same)
                )
                comparisons.append(comparison)
                differences.append((numbers[images[change != 0]], change[change != 0]))
    return comparisons, _matrix(differences, all_clusters.count)


@dataclass(frozen=True)
class Outcome:
    """Which images suffer a kind of mistake at a decision rule.

    Attributes
    ----------
    rule : DecisionRule
    measure : str
    before, after : array of bool, shape [n]
        By the champion, and by the candidate.
    """

    rule: DecisionRule
    measure: str
    before: Bools
    after: Bools

    @cached_property
    def change(self) -> NDArray[np.int8]:
        """1 where only the candidate makes the mistake, -1 where only the champion does: [n]."""
        return self.after.astype(np.int8) - self.before.astype(np.int8)


def outcomes_of(old: Columns, new: Columns, rules: Sequence[DecisionRule]) -> list[Outcome]:
    """Say which images suffer which mistakes at some decision rules.

    Parameters
    ----------
    old, new : Columns
        The champion's and the candidate's answers to the same images.
    rules : sequence of DecisionRule
    """
    outcomes = []
    for rule in rules:
        before, after = (
            rule.mistakes(expected=answers.expected, scores=answers.scores)
            for answers in (old, new)
        )
        outcomes += [
            Outcome(rule, measure, before[measure], after[measure]) for measure in rule.measures
        ]
    return outcomes


def offset_harm(
    answers: Columns, outcomes: Sequence[Outcome], policy: Policy
) -> list[tuple[str, str, str]]:
    """Return the groups in which more harm in one class is offset by less in another.

    Both show by a sign test of the clusters at the policy's level, without correction: they are to
    be looked at, and nothing is decided. Groups whose combinations with classes the policy names
    are left out.

    Parameters
    ----------
    answers : Columns
        Either model's, for the images.
    outcomes : sequence of Outcome
        What `outcomes_of` returns.
    policy : Policy

    Returns
    -------
    list of (str, str, str)
        Axis, value and kind of mistake.
    """
    clusters = Clusters.of(answers.cluster)
    named = {axis for pair in policy.pairs if CLASS in pair for axis in pair}
    offset = []
    for outcome in outcomes:
        if outcome.measure == CONFUSION:
            continue
        changed = np.flatnonzero(outcome.change)
        for axis, (values, places) in answers.groups.items():
            rows = changed[places[changed] != ABSENT]
            if axis in named or not len(rows):
                continue
            cell = places[rows].astype(np.intp) * len(LABELS) + answers.expected[rows]
            units, unit = np.unique(
                cell * clusters.count + clusters.members[rows], return_inverse=True
            )
            sums = np.bincount(unit, weights=outcome.change[rows])
            worse, better = (
                np.bincount(units[moved] // clusters.count, minlength=len(values) * len(LABELS))
                for moved in (sums > 0, sums < 0)
            )
            rises, falls = (
                (binom.sf(more - 1, worse + better, 0.5) <= 1 - policy.level)
                .reshape(-1, len(LABELS))
                .any(axis=1)
                for more in (worse, better)
            )
            offset += [
                (axis, values[place], outcome.measure) for place in np.flatnonzero(rises & falls)
            ]
    return list(dict.fromkeys(offset))


def _compare(
    outcome: Outcome, images: Rows, clusters: Clusters, level: float, cell: tuple[str, str, str]
) -> tuple[Comparison, NDArray[np.int8]]:
    pairs = count_pairs(champion=outcome.before[images], candidate=outcome.after[images])
    change = outcome.change[images]
    effective = clusters.effective_sample_size(change, level=level)
    axis, value, same_images_as = cell
    comparison = Comparison(
        measure=outcome.measure,
        rule=outcome.rule.name,
        axis=axis,
        value=value,
        pairs=pairs,
        clusters=clusters.count,
        effective=effective,
        interval=difference_interval(pairs, level=level, effective=effective),
        same_images_as=same_images_as,
    )
    return comparison, change


def _matrix(
    differences: Sequence[tuple[Rows, NDArray[np.int8]]], clusters: int
) -> sparse.csc_array:
    """Return each cluster's differences in each cell: shape [clusters, cells]."""
    starts = np.cumsum([0, *(len(changed) for _, changed in differences)])
    rows, values = (np.concatenate(columns) for columns in zip(*differences, strict=True))
    matrix = sparse.csc_array(
        (values.astype(int), rows, starts), shape=(clusters, len(differences))
    )
    matrix.sum_duplicates()
    return matrix


def _cells(answers: Columns, policy: Policy) -> Iterator[tuple[str, str, Rows]]:
    """Yield the rows of each cell: all, every class, every group, and what the policy requires."""
    axes = {OVERALL, CLASS, *answers.groups}
    yield OVERALL, "all", np.arange(len(answers))
    for index, label in enumerate(LABELS):
        yield CLASS, label, np.flatnonzero(answers.expected == index)
    for axis, (values, indices) in answers.groups.items():
        for index, value in enumerate(values):
            yield axis, value, np.flatnonzero(indices == index)
    for first, second in policy.pairs:
        if {first, second} <= axes - {OVERALL}:
            yield from _pair_cells(answers, first, second)
    axis_values = {axis: set(values) for axis, (values, _) in answers.groups.items()}
    for name in policy.required:
        axis, _, value = name.partition("=")
        if axis not in axes or (value and axis in axis_values and value not in axis_values[axis]):
            yield axis, value or "any", np.array([], dtype=np.intp)


def _pair_cells(answers: Columns, first: str, second: str) -> Iterator[tuple[str, str, Rows]]:
    of_axis = {CLASS: (LABELS, answers.expected), **answers.groups}
    (first_values, first_indices), (second_values, second_indices) = of_axis[first], of_axis[second]
    for (i, first_value), (j, second_value) in product(
        enumerate(first_values), enumerate(second_values)
    ):
        rows = np.flatnonzero((first_indices == i) & (second_indices == j))
        if len(rows):
            yield f"{first} and {second}", f"{first_value} and {second_value}", rows
