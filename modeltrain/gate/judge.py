"""The gate: may this candidate replace the champion, or would it be worse for some group?

Non-inferiority for every class and every group, on the same images. See docs/audits.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit import columns
from modeltrain.audit.columns import Columns
from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import cluster_numbers, effective_sample_size
from modeltrain.gate.paired import (
    Pairs,
    count_pairs,
    difference_interval,
    holm,
    images_needed,
    mcnemar_p_value,
)
from modeltrain.gate.policy import CLASS, OVERALL, Policy
from modeltrain.gate.sentences import cell_sentence, verdict_sentence
from modeltrain.labels import LABELS

PASS, BLOCKED, INSUFFICIENT = "pass", "blocked", "insufficient data"
NOT_WORSE, WORSE, CANNOT_TELL = "not worse", "worse", "cannot tell"

_VERDICTS = {
    NOT_WORSE: PASS,
    WORSE: BLOCKED,
    CANNOT_TELL: BLOCKED,
    INSUFFICIENT: INSUFFICIENT,
}

Cell = dict[str, Any]


class NotComparable(ValueError):
    """Two sets of predictions are not for the same images."""


@dataclass(frozen=True)
class _Comparison:
    """Both models on one cell's images."""

    axis: str
    value: str
    pairs: Pairs
    clusters: int
    effective: float  # effective sample size for the difference
    p_value: float


def judge(
    *,
    champion: Sequence[Predicted] | Columns,
    candidate: Sequence[Predicted] | Columns,
    policy: Policy | None = None,
) -> dict[str, Any]:
    """Compare a candidate with the champion on the same images.

    Each cell (all images, each class, each value on each axis, and each combination of values on
    the policy's pairs of axes) gets one finding:

    - "insufficient data": fewer images than the policy's minimum.
    - "not worse": no image is newly wrong, or the paired interval of the difference ends below the
      margin. Every cell must show this by itself, so no correction is needed (an intersection-union
      test).
    - "worse": not the former, and the exact one-sided McNemar test, by clusters, is significant
      after Holm's correction for all cells that have enough images.
    - "cannot tell": neither.

    A cell is blocked unless it is shown to be not worse.

    Sources: R. L. Berger (1982), "Multiparameter hypothesis testing and acceptance sampling",
    Technometrics 24, 295–300, for the intersection-union test; `paired` names those of the interval
    and the tests.

    Parameters
    ----------
    champion, candidate : sequence of Predicted, or Columns
        Predictions for the same audit set, in any order.
    policy : Policy, optional
        `policy.json` beside this module unless given.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md.

    Raises
    ------
    NotComparable
        If images, labels or groups differ, or an image occurs twice.
    """
    policy = policy or Policy.load()
    old, new = (
        answers if isinstance(answers, Columns) else columns.from_predicted(answers)
        for answers in (champion, candidate)
    )
    _check_same_images(old, new)
    old_wrong, new_wrong = old.wrong, new.wrong
    clusters = cluster_numbers(old.cluster)
    comparisons = [
        _compare(axis, value, old_wrong[rows], new_wrong[rows], clusters[rows], policy)
        for (axis, value), rows in _cell_rows(old, policy).items()
    ]
    tested = [comparison for comparison in comparisons if comparison.pairs.n >= policy.minimum]
    adjusted = holm([comparison.p_value for comparison in tested])
    p_values = {(c.axis, c.value): p_value for c, p_value in zip(tested, adjusted, strict=True)}
    cells = [_cell(c, p_values.get((c.axis, c.value)), policy) for c in comparisons]
    verdict = _verdict(cells)
    return {
        "policy": policy.as_dict(),
        "warnings": policy.warnings(),
        "verdict": verdict,
        "sentence": verdict_sentence(verdict, cells, margin=policy.margin),
        "cells": cells,
    }


def _check_same_images(old: Columns, new: Columns) -> None:
    same = old.same_images(new)
    duplicates = int((old.sha256[1:] == old.sha256[:-1]).all(axis=1).sum())  # they are sorted
    if same.all() and len(old) == len(new) and not duplicates:
        return
    received = f"{len(old)} and {len(new)} predictions"
    if len(old) == len(new):
        received += f", {int((~same).sum()) or duplicates} of the images different or duplicated"
    raise NotComparable(
        "Champion and candidate must be audited on the same images, with the same labels and "
        f"groups, each once. Received: {received}. Audit both on the same manifest."
    )


def _cell_rows(answers: Columns, policy: Policy) -> dict[tuple[str, str], NDArray[np.intp]]:
    """Return the rows of each cell: all, every class, every group, and what the policy requires."""
    cells = {(OVERALL, "all"): np.arange(len(answers))}
    for index, label in enumerate(LABELS):
        cells[CLASS, label] = np.flatnonzero(answers.expected == index)
    for axis, (values, indices) in answers.groups.items():
        cells |= {(axis, value): np.flatnonzero(indices == n) for n, value in enumerate(values)}
    for first, second in policy.pairs:
        cells |= _pair_cell_rows(answers, first, second)
    for name in policy.required:
        axis, _, value = name.partition("=")
        has_axis = any(axis == cell_axis for cell_axis, _ in cells)
        if not has_axis or (value and (axis, value) not in cells):
            cells[axis, value or "any"] = np.array([], dtype=np.intp)
    return cells


def _pair_cell_rows(
    answers: Columns, first: str, second: str
) -> dict[tuple[str, str], NDArray[np.intp]]:
    if first not in answers.groups or second not in answers.groups:
        return {}
    (first_values, first_indices), (second_values, second_indices) = (
        answers.groups[first],
        answers.groups[second],
    )
    cells = {}
    for (i, first_value), (j, second_value) in product(
        enumerate(first_values), enumerate(second_values)
    ):
        rows = np.flatnonzero((first_indices == i) & (second_indices == j))
        if len(rows):
            cells[f"{first} and {second}", f"{first_value} and {second_value}"] = rows
    return cells


def _compare(
    axis: str,
    value: str,
    old_wrong: NDArray[np.bool_],
    new_wrong: NDArray[np.bool_],
    clusters: NDArray[np.intp],
    policy: Policy,
) -> _Comparison:
    changes = new_wrong.astype(int) - old_wrong.astype(int)
    members = cluster_numbers(clusters)
    totals = np.bincount(members, weights=changes).astype(int)
    return _Comparison(
        axis=axis,
        value=value,
        pairs=count_pairs(champion=old_wrong, candidate=new_wrong),
        clusters=len(totals),
        effective=effective_sample_size(changes, members, level=policy.level),
        p_value=mcnemar_p_value(totals),
    )


def _cell(comparison: _Comparison, p_value: float | None, policy: Policy) -> Cell:
    pairs = comparison.pairs
    n = pairs.n
    interval = difference_interval(pairs, level=policy.level, effective=comparison.effective)
    finding = _finding(pairs, interval, p_value, policy)
    cell: Cell = {
        "axis": comparison.axis,
        "value": comparison.value,
        "n": n,
        "clusters": comparison.clusters,
        "champion_wrong": pairs.champion_wrong,
        "candidate_wrong": pairs.candidate_wrong,
        "champion_error": pairs.champion_wrong / n if n else None,
        "candidate_error": pairs.candidate_wrong / n if n else None,
        "difference": (pairs.only_candidate - pairs.only_champion) / n if n else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "newly_wrong": pairs.only_candidate,
        "newly_right": pairs.only_champion,
        "p_value": p_value,
        "needed": _images_needed(comparison, policy) if finding == CANNOT_TELL else None,
        "required": policy.requires(comparison.axis, comparison.value),
        "exception": policy.exemption_reason(comparison.axis, comparison.value),
        "finding": finding,
        "verdict": _VERDICTS[finding],
    }
    return cell | {"sentence": cell_sentence(cell, margin=policy.margin, minimum=policy.minimum)}


def _images_needed(comparison: _Comparison, policy: Policy) -> int:
    """Return how many images would tell, if the models disagree as often on more of them."""
    pairs = comparison.pairs
    design_effect = pairs.n / comparison.effective
    share = (pairs.only_candidate + pairs.only_champion) / pairs.n
    return images_needed(
        disagreement=share * design_effect, margin=policy.margin, level=policy.level
    )


def _finding(
    pairs: Pairs, interval: tuple[float, float] | None, p_value: float | None, policy: Policy
) -> str:
    if interval is None or p_value is None:
        return INSUFFICIENT
    if pairs.only_candidate == 0 or interval[1] < policy.margin:
        return NOT_WORSE
    return WORSE if p_value <= 1 - policy.level else CANNOT_TELL


def _verdict(cells: Sequence[Cell]) -> str:
    """Return the worst verdict of all cells; an insufficient one counts only if it is required."""
    deciding = [cell for cell in cells if cell["exception"] is None]
    if any(cell["verdict"] == BLOCKED for cell in deciding):
        return BLOCKED
    if any(cell["required"] and cell["verdict"] == INSUFFICIENT for cell in deciding):
        return INSUFFICIENT
    return PASS
