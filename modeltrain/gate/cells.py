"""Champion and candidate, cell by cell: a kind of mistake, at a decision rule, in a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import binom

from modeltrain.audit.columns import ABSENT, CLASS, OVERALL, Columns
from modeltrain.audit.fairness import Clusters, effective_sample_size_of_changes
from modeltrain.audit.harm import (
    CONFUSION,
    FALSE_ALARM,
    MEASURES,
    MISS,
    Bools,
    DecisionRule,
    possible,
)
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.policy import Policy
from modeltrain.gate.sign_flips import sign_flips
from modeltrain.labels import LABELS

_CANDIDATE, _CHAMPION = np.int8(1), np.int8(2)  # which models make a mistake
_BOTH = _CANDIDATE + _CHAMPION

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
    clusters = Clusters.of(answers.cluster)
    by_cluster = np.argsort(clusters.members, kind="stable")
    explicit = possible(MISS, answers.expected)
    wrong = np.any([outcome.mistakes for outcome in outcomes], axis=0)
    ordered = sorted(outcomes, key=lambda outcome: MEASURES.index(outcome.measure))
    first_names: dict[bytes, str] = {}
    comparisons, differences = [], []
    for axis, values, places in _axes(answers, policy):
        images = _AxisImages.of(
            by_cluster[np.argsort(places[by_cluster], kind="stable")],
            places,
            clusters.members,
            cells=len(values),
            explicit=explicit,
            wrong=wrong,
        )
        counts = [images.count(outcome) for outcome in ordered]
        for place, value in enumerate(values):
            rows = images.rows[images.cells[place] : images.cells[place + 1]]
            same = first_names.setdefault(rows.tobytes(), name := f"{axis}={value}")
            for number, outcome in enumerate(ordered):
                count = counts[number][place]
                if not len(count.sizes) and (len(rows) or number):
                    continue  # it cannot happen here; a cell without any image is told once
                cell = axis, value, "" if same == name else same
                comparisons.append(_compare(outcome, count, policy.level, cell))
                differences.append((clusters.members[count.changed], count.changes))
    return comparisons, _matrix(differences, clusters.count)


@dataclass(frozen=True)
class _Count:
    """What two models do in one cell.

    Attributes
    ----------
    both : int
        Images on which both make the mistake.
    changed : array of int, shape [changed]
        Images on which one of them does.
    changes : array of int, shape [changed]
        1 where that is the candidate, -1 where it is the champion.
    members : array of int, shape [changed]
        The clusters of these images, as places in `sizes`.
    sizes : array of int, shape [clusters]
        How many of the cell's images are of each cluster.
    """

    both: int
    changed: Rows
    changes: NDArray[np.int8]
    members: Rows
    sizes: Rows

    @property
    def pairs(self) -> Pairs:
        only_candidate = int(np.count_nonzero(self.changes > 0))
        return Pairs(
            both=self.both,
            only_candidate=only_candidate,
            only_champion=len(self.changes) - only_candidate,
            neither=int(self.sizes.sum()) - self.both - len(self.changes),
        )


@dataclass(frozen=True)
class _Parts:
    """Parts of an axis's images: those of one cluster in one cell to which a mistake can happen.

    Attributes
    ----------
    numbers : array of int, shape [parts]
        Their places among the parts with any images at all.
    sizes : array of int, shape [parts]
        How many images each has.
    cells : array of int, shape [cells + 1]
        Where the parts of each cell begin.
    """

    numbers: Rows
    sizes: Rows
    cells: Rows

    @classmethod
    def of(cls, sizes: Rows, cells: Rows) -> _Parts:
        numbers = np.flatnonzero(sizes > 0)
        return cls(numbers, sizes[numbers], np.searchsorted(numbers, cells))


@dataclass(frozen=True)
class _AxisImages:
    """All images, sorted by their cell on an axis and then by cluster.

    Attributes
    ----------
    rows : array of int, shape [n]
    cells : array of int, shape [cells + 1]
        Where the images of each cell begin.
    parts : dict of str to _Parts
        By kind of mistake.
    wrong, part : array of int, shape [wrong]
        Images on which a model makes any mistake, and the numbers of their parts.
    wrong_cells : array of int, shape [cells + 1]
        Where the images of each cell begin in these two.
    """

    rows: Rows
    cells: Rows
    parts: dict[str, _Parts]
    wrong: Rows
    part: Rows
    wrong_cells: Rows

    @classmethod
    def of(
        cls,
        rows: Rows,
        places: NDArray[np.integer],
        members: Rows,
        *,
        cells: int,
        explicit: Bools,
        wrong: Bools,
    ) -> _AxisImages:
        cell, cluster = places[rows], members[rows]
        begins = np.ones(len(rows) + 1, dtype=bool)
        begins[1:-1] = (cell[1:] != cell[:-1]) | (cluster[1:] != cluster[:-1])
        starts = np.flatnonzero(begins)
        cell_starts = np.searchsorted(cell, np.arange(cells + 1))
        first_parts = np.searchsorted(starts, cell_starts)
        every = np.diff(starts)
        misses = np.diff(np.concatenate([[0], np.cumsum(explicit[rows])])[starts])
        positions = np.flatnonzero(wrong[rows])
        return cls(
            rows=rows,
            cells=cell_starts,
            parts={
                FALSE_ALARM: _Parts.of(every - misses, first_parts),
                MISS: _Parts.of(misses, first_parts),
                CONFUSION: _Parts.of(every, first_parts),
            },
            wrong=rows[positions],
            part=np.searchsorted(starts, positions, side="right") - 1,
            wrong_cells=np.searchsorted(positions, cell_starts),
        )

    def count(self, outcome: Outcome) -> list[_Count]:
        """Count what happens in each cell."""
        parts = self.parts[outcome.measure]
        codes = outcome.mistakes[self.wrong]
        changed = np.flatnonzero((codes == _CANDIDATE) | (codes == _CHAMPION))
        both = np.searchsorted(np.flatnonzero(codes == _BOTH), self.wrong_cells)
        rows = self.wrong[changed]
        changes = np.where(codes[changed] == _CANDIDATE, 1, -1).astype(np.int8)
        members = np.searchsorted(parts.numbers, self.part[changed])
        cells = pairwise(np.searchsorted(changed, self.wrong_cells))
        return [
            _Count(
                both=int(both[cell + 1] - both[cell]),
                changed=rows[start:end],
                changes=changes[start:end],
                members=members[start:end] - parts.cells[cell],
                sizes=parts.sizes[parts.cells[cell] : parts.cells[cell + 1]],
            )
            for cell, (start, end) in enumerate(cells)
        ]


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

    @cached_property
    def mistakes(self) -> NDArray[np.int8]:
        """`_CANDIDATE`, `_CHAMPION` or `_BOTH` where they make the mistake, else 0: shape [n]."""
        return _CANDIDATE * self.after + _CHAMPION * self.before


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
    outcome: Outcome, count: _Count, level: float, cell: tuple[str, str, str]
) -> Comparison:
    pairs = count.pairs
    effective = effective_sample_size_of_changes(
        count.sizes, count.members, count.changes, level=level
    )
    axis, value, same_images_as = cell
    return Comparison(
        measure=outcome.measure,
        rule=outcome.rule.name,
        axis=axis,
        value=value,
        pairs=pairs,
        clusters=len(count.sizes),
        effective=effective,
        interval=difference_interval(pairs, level=level, effective=effective),
        same_images_as=same_images_as,
    )


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


def _axes(
    answers: Columns, policy: Policy
) -> Iterator[tuple[str, Sequence[str], NDArray[np.integer]]]:
    """Yield axes with their cells, and each image's place among these, or `ABSENT`.

    These are all images, every class, every group, and what the policy combines or requires.
    """
    yield OVERALL, ["all"], np.zeros(len(answers), dtype=np.int16)
    classes = CLASS, LABELS, answers.expected.astype(np.int16)
    yield classes
    for axis, (values, places) in answers.groups.items():
        yield axis, values, places
    axes = {OVERALL, CLASS, *answers.groups}
    for first, second in policy.pairs:
        if {first, second} <= axes - {OVERALL}:
            yield _pair(first, second, {CLASS: classes[1:], **answers.groups})
    values_of = {OVERALL: ["all"], CLASS: LABELS}
    values_of |= {axis: values for axis, (values, _) in answers.groups.items()}
    for name in policy.required:
        axis, _, value = name.partition("=")
        on_axis = values_of.get(axis, ())
        if axis not in axes or (value and value not in on_axis):
            yield (
                axis,
                [value or f"any {axis.replace('_', ' ')}"],
                np.full(len(answers), ABSENT, dtype=np.int16),
            )


def _pair(
    first: str, second: str, axes: Mapping[str, tuple[Sequence[str], NDArray[np.integer]]]
) -> tuple[str, Sequence[str], NDArray[np.integer]]:
    """Return the combinations of two axes that some image has."""
    (first_values, first_places), (second_values, second_places) = axes[first], axes[second]
    combined = first_places.astype(np.intp) * len(second_values) + second_places
    combined[(first_places == ABSENT) | (second_places == ABSENT)] = ABSENT
    present = np.unique(combined[combined != ABSENT])
    places = np.where(combined == ABSENT, ABSENT, np.searchsorted(present, combined))
    values = [
        f"{first_values[number // len(second_values)]} and "
        f"{second_values[number % len(second_values)]}"
        for number in present
    ]
    return f"{first} and {second}", values, places
