"""The gate: may this candidate replace the champion, or would it be worse for some group?

Harm and harmless confusion are judged apart, for every class and every group, on the same images;
and so are gaps between groups. See docs/audits.md.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit import columns
from modeltrain.audit.columns import CLASS, OVERALL, Columns
from modeltrain.audit.evaluate import Predicted
from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.grouping import order_of_first
from modeltrain.gate.cells import Comparison, compare_cells, offset_harm, outcomes_of
from modeltrain.gate.disparity import (
    axes_alike,
    by_group,
    compared_axes,
    opened_disparities,
    untested_groups,
)
from modeltrain.gate.paired import difference_interval
from modeltrain.gate.policy import Policy
from modeltrain.gate.sentences import (
    cell_sentence,
    combination_sentence,
    gap_sentence,
    has_to_tell,
    untested_sentences,
    verdict_sentence,
)

PASS, BLOCKED, INSUFFICIENT = "pass", "blocked", "insufficient data"
NOT_WORSE, WORSE = "not worse", "worse"

_MOST = 1 + 1e-3  # a score may be rounded up
_MORE = 1.1 ** np.arange(1, 73)  # up to a thousand times as many images

_VERDICTS = {NOT_WORSE: PASS, WORSE: BLOCKED, INSUFFICIENT: INSUFFICIENT}

Cell = dict[str, Any]


class NotComparable(ValueError):
    """Two sets of predictions are not for the same images."""


def judge(
    *,
    champion: Sequence[Predicted] | Columns,
    candidate: Sequence[Predicted] | Columns,
    policy: Policy | None = None,
) -> dict[str, Any]:
    """Compare a candidate with the champion on the same images.

    A cell is a kind of mistake (false alarm, miss, confusion), at one of the policy's decision
    rules, on some images: all, a class, a value on an axis, or a combination of values on the
    policy's pairs of axes. Each cell gets one finding:

    - "worse": the sign-flip test is significant after correction for all cells, however few images
      the cell has.
    - "not worse": all answers of the two models are the same; or the cell has enough clusters and
      the paired interval of the difference ends below its margin. Every cell must show this by
      itself, so no correction is needed (an intersection-union test).
    - "insufficient data": neither.

    A gap that opens between groups blocks as well, unless the group that falls behind is itself
    better off, has too few clusters, or would fall behind by chance too often.

    Sources: R. L. Berger (1982), "Multiparameter hypothesis testing and acceptance sampling",
    Technometrics 24, 295–300, for the intersection-union test; `paired`, `sign_flips` and
    `audit.gaps` and `audit.permutation_test` name those of the interval and the tests.

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
    old, new = _sorted(old), _sorted(new)
    _check_same_images(old, new)
    numbers = _clusters_by_first_image(old)
    order = np.argsort(numbers, kind="stable")  # clusters that lie together are quick to count
    old = replace(old, cluster=numbers.astype(np.uint64)).take(order)
    new = replace(old, scores=new.scores[order])
    outcomes = outcomes_of(old, new, policy.rules)
    unchanged = bool(np.array_equal(old.scores, new.scores))
    with ThreadPoolExecutor(1) as beside:  # numpy computes in both threads at once
        axes = beside.submit(compared_axes, old, policy)
        disparities = beside.submit(
            lambda: opened_disparities(old, new, outcomes, policy, axes.result())
        )
        cells = [
            _cell(comparison, unchanged=unchanged, policy=policy)
            for comparison in compare_cells(old, outcomes, policy)
        ]
        untested = untested_groups(axes.result(), policy.minimum)
        gaps = [
            gap | {"sentence": gap_sentence(gap)}
            for gap in by_group(disparities.result(), old, policy)
        ]
    offset = offset_harm(old, outcomes, policy)
    alike = [axes for axes in axes_alike(old, policy) if len(axes) > 1]
    verdict = _verdict(cells, gaps)
    return {
        "policy": policy.as_dict(),
        "warnings": [
            *policy.warnings(old),
            *untested_sentences(untested),
            *([combination_sentence(offset)] if offset else []),
        ],
        "verdict": verdict,
        "sentence": verdict_sentence(verdict, cells, gaps, untested, alike),
        "cells": cells,
        "gaps": gaps,
    }


def _sorted(answers: Columns) -> Columns:
    """Return the same answers sorted by image."""
    keys = np.ascontiguousarray(answers.sha256).view("S32").ravel()
    return answers if (keys[1:] >= keys[:-1]).all() else answers.take(np.argsort(keys))


def _clusters_by_first_image(answers: Columns) -> NDArray[np.intp]:
    """Number the clusters in the order of their first images: shape [n].

    Signs are drawn for clusters in this order, which their names must not decide.
    """
    clusters = cluster_numbers(answers.cluster)
    order = order_of_first(clusters, int(clusters.max(initial=-1)) + 1)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places[clusters]


def _check_same_images(old: Columns, new: Columns) -> None:
    for answers in (old, new):
        if not ((answers.scores >= 0) & (answers.scores <= _MOST)).all():
            raise NotComparable(
                "Every score must be a number from 0 to 1. Received: one that is not. Audit the "
                "model again."
            )
        if taken := {CLASS, OVERALL} & set(answers.groups):
            raise NotComparable(
                f"An axis must not be called {CLASS} or {OVERALL}, which are cells of every gate. "
                f"Received: {', '.join(sorted(taken))}. Rename it in the manifest."
            )
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


def _cell(comparison: Comparison, *, unchanged: bool, policy: Policy) -> Cell:
    pairs, interval = comparison.pairs, comparison.interval
    n = pairs.n
    effective = comparison.effective if n else 0.0
    # The rate if both models were equal; of one image more, so that none of 30 is not 0.
    wrong = (pairs.champion_wrong + pairs.candidate_wrong) / 2
    rate = (wrong * effective / n + 0.5) / (effective + 1) if n else 0.0
    margin = policy.margin_for(measure=comparison.measure, rate=rate, effective=effective)
    if not n:
        finding = INSUFFICIENT
    elif comparison.p_value <= policy.worse_risk:
        finding = WORSE
    else:
        assert interval is not None
        shown = comparison.clusters >= policy.minimum and interval[1] < margin
        finding = NOT_WORSE if unchanged or shown else INSUFFICIENT
    cell: Cell = {
        "measure": comparison.measure,
        "rule": comparison.rule,
        "axis": comparison.axis,
        "value": comparison.value,
        "n": n,
        "clusters": comparison.clusters,
        "independent": effective,
        "same_images_as": comparison.same_images_as,
        "champion_wrong": pairs.champion_wrong,
        "candidate_wrong": pairs.candidate_wrong,
        "champion_error": pairs.champion_wrong / n if n else None,
        "candidate_error": pairs.candidate_wrong / n if n else None,
        "difference": (pairs.only_candidate - pairs.only_champion) / n if n else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "newly_wrong": pairs.only_candidate,
        "newly_right": pairs.only_champion,
        "unchanged": unchanged,
        "margin": margin,
        "minimum": policy.minimum,
        "p_value": comparison.p_value if n else None,
        "exact_p_value": comparison.exact_p_value if n else None,
        "needed": (
            _images_needed(comparison, rate, policy) if n and finding == INSUFFICIENT else None
        ),
        "required": policy.requires(comparison.axis, comparison.value, measure=comparison.measure),
        "not_covered": policy.why_not_covered(comparison.axis, comparison.value),
        "exception": policy.exemption_reason(comparison.axis, comparison.value),
        "finding": finding,
        "verdict": _VERDICTS[finding],
    }
    return cell | {"sentence": cell_sentence(cell)}


def _images_needed(comparison: Comparison, rate: float, policy: Policy) -> int | None:
    """Return how many independent images would tell, if the models disagree as often on more.

    Without a rise first; or, where as many are there and a rise is seen, with that rise.
    """
    pairs = comparison.pairs
    disagreement = (pairs.only_candidate + pairs.only_champion) / pairs.n
    needed = policy.fewest_images(measure=comparison.measure, rate=rate, disagreement=disagreement)
    if comparison.clusters < policy.minimum and _tells(comparison, rate, 1, policy):
        return policy.minimum
    if needed is None or needed > comparison.effective or comparison.clusters < policy.minimum:
        return needed
    enough = (more for more in _MORE if _tells(comparison, rate, more, policy))
    more = next(enough, None)
    return None if more is None else math.ceil(comparison.effective * more)


def _tells(comparison: Comparison, rate: float, more: float, policy: Policy) -> bool:
    """Return whether `more` times as many images, with the same outcomes, would pass."""
    effective = comparison.effective * more
    interval = difference_interval(comparison.pairs, level=policy.level, effective=effective)
    assert interval is not None
    return interval[1] < policy.margin_for(
        measure=comparison.measure, rate=rate, effective=effective
    )


def _verdict(cells: Sequence[Cell], gaps: Sequence[Cell]) -> str:
    """Return the worst verdict of all cells and gaps.

    Cells with too few images count if they have to tell.
    """
    deciding = [cell for cell in cells if cell["exception"] is None]
    if any(cell["verdict"] == BLOCKED for cell in deciding) or any(gap["blocks"] for gap in gaps):
        return BLOCKED
    if any(cell["verdict"] == INSUFFICIENT and has_to_tell(cell) for cell in deciding):
        return INSUFFICIENT
    return PASS
