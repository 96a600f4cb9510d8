"""The gate: may this candidate replace the champion, or would it be worse for someone?

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
from modeltrain.audit.fairness import effective_size, numbered
from modeltrain.gate.paired import (
    Pairs,
    count_pairs,
    difference_interval,
    holm,
    images_needed,
    worse_p_value,
)
from modeltrain.gate.policy import CLASS, OVERALL, Policy
from modeltrain.gate.words import cell_sentence, whole_sentence
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
    """Two sets of predictions are not of the same images."""


@dataclass(frozen=True)
class _Compared:
    """One cell's images, compared."""

    axis: str
    value: str
    pairs: Pairs
    clusters: int
    effective: float  # independent images that tell as much of the difference
    p_value: float


def judge(
    *,
    champion: Sequence[Predicted] | Columns,
    candidate: Sequence[Predicted] | Columns,
    policy: Policy | None = None,
) -> dict[str, Any]:
    """Compare a candidate with the champion on the same images.

    Each cell (all images, each class, each value on each axis, and on each of the policy's pairs of
    axes) gets one finding:

    - "insufficient data": fewer images than the policy's minimum.
    - "not worse": no image is newly wrong, or the paired interval of the difference ends below the
      margin. Every cell must show this by itself, so no correction is needed (an intersection-union
      test: Berger 1982, Technometrics 24, 295–300).
    - "worse": not the former, and the exact one-sided McNemar test, by clusters, says so after
      Holm's correction for all cells that have enough images.
    - "cannot tell": neither.

    A cell that is not shown to be not worse is blocked, whether it is worse or cannot be told.

    Parameters
    ----------
    champion, candidate : sequence of Predicted, or Columns
        Of the same audit set, in any order.
    policy : Policy, optional
        `configs/gate.json` unless given.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md.

    Raises
    ------
    NotComparable
        Where images, labels or groups differ.
    """
    policy = policy or Policy.load()
    old, new = (
        each if isinstance(each, Columns) else columns.of(each) for each in (champion, candidate)
    )
    _check_same_images(old, new)
    was, now = old.wrong, new.wrong
    clusters = numbered(old.cluster)
    compared = [
        _compare(axis, value, was[taken], now[taken], clusters[taken], policy)
        for (axis, value), taken in _selections(old, policy).items()
    ]
    tested = [each for each in compared if each.pairs.n >= policy.minimum]
    corrected = holm([each.p_value for each in tested])
    p_values = {(e.axis, e.value): p for e, p in zip(tested, corrected, strict=True)}
    cells = [_cell(each, p_values.get((each.axis, each.value)), policy) for each in compared]
    verdict = _verdict(cells)
    return {
        "policy": policy.as_dict(),
        "warnings": policy.warnings(),
        "verdict": verdict,
        "sentence": whole_sentence(verdict, cells, margin=policy.margin),
        "cells": cells,
    }


def _check_same_images(old: Columns, new: Columns) -> None:
    same = old.same_images(new)
    twice = int((old.sha256[1:] == old.sha256[:-1]).all(axis=1).sum())  # they are sorted
    if same.all() and len(old) == len(new) and not twice:
        return
    received = f"{len(old)} and {len(new)} predictions"
    if len(old) == len(new):
        received += f", {int((~same).sum()) or twice} of their images different or there twice"
    raise NotComparable(
        "Champion and candidate must be audited on the same images, with the same labels and "
        f"groups, each once. Received: {received}. Audit both on the same manifest."
    )


def _selections(found: Columns, policy: Policy) -> dict[tuple[str, str], NDArray[np.intp]]:
    """Return the images of each cell: all, every class, every group, and what must be there."""
    cells = {(OVERALL, "all"): np.arange(len(found))}
    for place, label in enumerate(LABELS):
        cells[CLASS, label] = np.flatnonzero(found.expected == place)
    for axis, (values, places) in found.groups.items():
        cells |= {(axis, v): np.flatnonzero(places == n) for n, v in enumerate(values)}
    for one, other in policy.pairs:
        cells |= _pair_cells(found, one, other)
    for name in policy.required:
        axis, _, value = name.partition("=")
        if not any(axis == known for known, _ in cells) or (value and (axis, value) not in cells):
            cells[axis, value or "any"] = np.array([], dtype=np.intp)
    return cells


def _pair_cells(found: Columns, one: str, other: str) -> dict[tuple[str, str], NDArray[np.intp]]:
    if one not in found.groups or other not in found.groups:
        return {}
    (first, in_first), (second, in_second) = found.groups[one], found.groups[other]
    cells = {}
    for a, b in product(range(len(first)), range(len(second))):
        taken = np.flatnonzero((in_first == a) & (in_second == b))
        if len(taken):
            cells[f"{one} and {other}", f"{first[a]} and {second[b]}"] = taken
    return cells


def _compare(
    axis: str,
    value: str,
    was: NDArray[np.bool_],
    now: NDArray[np.bool_],
    clusters: NDArray[np.intp],
    policy: Policy,
) -> _Compared:
    changes = now.astype(int) - was.astype(int)
    members = numbered(clusters)
    totals = np.bincount(members, weights=changes).astype(int)
    return _Compared(
        axis=axis,
        value=value,
        pairs=count_pairs(champion=was, candidate=now),
        clusters=len(totals),
        effective=effective_size(changes, members, level=policy.level),
        p_value=worse_p_value(totals),
    )


def _cell(compared: _Compared, p_value: float | None, policy: Policy) -> Cell:
    pairs = compared.pairs
    n = pairs.n
    interval = difference_interval(pairs, level=policy.level, effective=compared.effective)
    finding = _finding(pairs, interval, p_value, policy)
    cell: Cell = {
        "axis": compared.axis,
        "value": compared.value,
        "n": n,
        "clusters": compared.clusters,
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
        "needed": _needed(compared, policy) if finding == CANNOT_TELL else None,
        "required": policy.requires(compared.axis, compared.value),
        "exception": policy.reason_to_except(compared.axis, compared.value),
        "finding": finding,
        "verdict": _VERDICTS[finding],
    }
    return cell | {"sentence": cell_sentence(cell, margin=policy.margin, minimum=policy.minimum)}


def _needed(compared: _Compared, policy: Policy) -> int:
    """Return how many such images would tell, if the models disagree as often on more of them."""
    pairs = compared.pairs
    effect = pairs.n / compared.effective
    share = (pairs.only_candidate + pairs.only_champion) / pairs.n
    return images_needed(disagreement=share * effect, margin=policy.margin, level=policy.level)


def _finding(
    pairs: Pairs, interval: tuple[float, float] | None, p_value: float | None, policy: Policy
) -> str:
    if interval is None or p_value is None:
        return INSUFFICIENT
    if pairs.only_candidate == 0 or interval[1] < policy.margin:
        return NOT_WORSE
    return WORSE if p_value <= 1 - policy.level else CANNOT_TELL


def _verdict(cells: Sequence[Cell]) -> str:
    """Blocked if any cell is; else not enough if one that must have enough has not; else pass."""
    deciding = [cell for cell in cells if cell["exception"] is None]
    if any(cell["verdict"] == BLOCKED for cell in deciding):
        return BLOCKED
    short = [cell for cell in deciding if cell["required"] and cell["verdict"] == INSUFFICIENT]
    return INSUFFICIENT if short else PASS
