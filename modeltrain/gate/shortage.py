"""What an audit set is too small to show, before a candidate exists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from modeltrain.audit.columns import Columns
from modeltrain.audit.fairness import Clusters
from modeltrain.audit.harm import CONFUSION
from modeltrain.gate.cells import Comparison, count_cells, outcomes_of
from modeltrain.gate.disparity import reference_groups, tested_axes
from modeltrain.gate.policy import Policy
from modeltrain.gate.power import (
    CHURN,
    EVEN,
    POWER,
    GapTest,
    critical_p_value,
    images_to_notice,
    smallest_rise,
)
from modeltrain.gate.sentences import has_to_tell, shortage_sentence
from modeltrain.labels import LABELS

Cell = dict[str, Any]


def shortages(champion: Columns, policy: Policy, *, rise: float | None = None) -> dict[str, Any]:
    """Return what the gate can and cannot see on an audit set, and how many images would do.

    A retrained model is taken to give a share of `power.CHURN` of its answers anew, with as many
    mistakes as before. So the figures need no candidate.

    Parameters
    ----------
    champion : Columns
        The answers of the model in service.
    policy : Policy
    rise : float, optional
        The rise of a rate that should be noticed, above 0 and at most 1. Unless given, the
        policy's `harm_ceiling`.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md.

    Raises
    ------
    ValueError
        If `rise` is out of its range.
    """
    if rise is not None and not 0 < rise <= 1:
        raise ValueError(
            "A rise must be a share of the images, above 0 and at most 1. "
            f"Received: {rise}. Give 0.1 for 10 points."
        )
    # Against a model without mistakes, the differences are the champion's mistakes.
    comparisons, _ = count_cells(
        champion, outcomes_of(champion, _flawless(champion), policy.rules), policy
    )
    _, differences = count_cells(
        champion, outcomes_of(champion, no_worse(champion), policy.rules), policy
    )
    p_value = critical_p_value(differences, risk=policy.worse_risk)
    cells = [_cell(comparison, policy, rise) for comparison in comparisons]
    _add_power([cell for cell in cells if cell["n"]], p_value)
    _add_gaps(cells, champion, policy)
    for cell in cells:
        cell["hardest"] = False
        cell["decides"] = has_to_tell(cell | {"minimum": policy.minimum})
        cell |= _missing(cell, policy.minimum)
        cell["sentence"] = shortage_sentence(cell)
    for cell in _hardest(cells, "axis", "value", "measure"):
        cell["hardest"] = True
    groups = _hardest(cells, "axis", "value")
    return {
        "policy": policy.as_dict(),
        "warnings": policy.warnings(champion),
        "power": POWER,
        "churn": CHURN,
        "critical_p_value": p_value,
        "sentence": _sentence(groups),
        "groups": groups,
        "cells": cells,
    }


def no_worse(champion: Columns, *, churn: float = CHURN, seed: int = 0) -> Columns:
    """Return the answers of a model that makes other mistakes, and as many of them.

    In a share of the clusters, answers are exchanged among the images of a class.

    Parameters
    ----------
    champion : Columns
    churn : float
        The share of the clusters.
    seed : int
        The same champion and seed give the same answers.
    """
    random = np.random.default_rng(seed)
    clusters = Clusters.of(champion.cluster)
    anew = (random.random(clusters.count) < churn)[clusters.members]
    scores = champion.scores.copy()
    for index in range(len(LABELS)):
        images = np.flatnonzero(anew & (champion.expected == index))
        scores[images] = champion.scores[random.permutation(images)]
    return replace(champion, scores=scores)


def _flawless(champion: Columns) -> Columns:
    scores = np.eye(len(LABELS), dtype=np.float32)[champion.expected]
    return replace(champion, scores=scores)


def _cell(comparison: Comparison, policy: Policy, rise: float | None) -> Cell:
    n = comparison.pairs.n
    independent = comparison.effective if n else 0.0
    # Of one image more, so that no mistake in 30 images is not a rate of 0.
    mistakes = comparison.pairs.champion_wrong
    rate = (mistakes * independent / n + 0.5) / (independent + 1) if n else 0.0
    needed = policy.fewest_images(
        measure=comparison.measure, rate=rate, disagreement=2 * CHURN * rate * (1 - rate)
    )
    return {
        "measure": comparison.measure,
        "rule": comparison.rule,
        "axis": comparison.axis,
        "value": comparison.value,
        "n": n,
        "clusters": comparison.clusters,
        "independent": independent,
        "same_images_as": comparison.same_images_as,
        "mistakes": mistakes,
        "rate": rate if n else None,
        "required": policy.requires(comparison.axis, comparison.value, measure=comparison.measure),
        "not_covered": policy.why_not_covered(comparison.axis, comparison.value),
        "exception": policy.exemption_reason(comparison.axis, comparison.value),
        "rise": rise or policy.harm_ceiling,
        "smallest_change": None,
        "smallest_change_50": None,
        "needed_to_pass": needed,
        "needed_to_notice": None,
        "gap_tested": False,
        "smallest_gap": None,
        "needed_to_see_gap": None,
        "missing_to_see_gap": None,
    }


def _add_power(cells: Sequence[Cell], p_value: float) -> None:
    """Fill what depends on the power of the test, of all cells at once."""
    images = np.array([cell["independent"] for cell in cells])
    rate = np.array([cell["rate"] for cell in cells])
    rise = np.array([cell["rise"] for cell in cells])
    likely, even = (
        smallest_rise(images=images, rate=rate, p_value=p_value, power=power)
        for power in (POWER, EVEN)
    )
    enough = images_to_notice(rise=rise, rate=rate, p_value=p_value)
    for cell, seen, half_seen, needed in zip(cells, likely, even, enough, strict=True):
        cell["smallest_change"] = None if math.isnan(seen) else float(seen)
        cell["smallest_change_50"] = None if math.isnan(half_seen) else float(half_seen)
        cell["needed_to_notice"] = int(needed)


def _add_gaps(cells: Sequence[Cell], champion: Columns, policy: Policy) -> None:
    """Fill what depends on the test of gaps, of the groups in which the gate looks for one."""
    axes = tested_axes(champion, policy)
    families = len(axes) + len(reference_groups(champion, policy))
    groups = [
        cell
        for cell in cells
        if cell["axis"] in axes and cell["n"] and cell["measure"] != CONFUSION
    ]
    for cell in groups:
        others = [
            other["independent"]
            for other in groups
            if other is not cell
            and all(other[name] == cell[name] for name in ("axis", "measure", "rule"))
        ]
        test = GapTest(
            p_value=(1 - policy.level) / families / (len(others) + 1),
            margin=policy.gap_margin,
            level=policy.level,
        )
        sides = {"rest": sum(others), "rate": cell["rate"]}
        needed = test.images(gap=cell["rise"], **sides)
        cell["gap_tested"] = True
        cell["smallest_gap"] = test.smallest(images=cell["independent"], **sides)
        cell["needed_to_see_gap"] = needed
        if needed is not None:
            cell["missing_to_see_gap"] = math.ceil(max(needed - cell["independent"], 0))


def _missing(cell: Cell, minimum: int) -> Cell:
    """Return how many independent images more it takes: each is a cluster of its own."""
    clusters = max(minimum - cell["clusters"], 0)

    def more(needed: int) -> int:
        return math.ceil(max(needed - float(cell["independent"]), 0.0))

    to_pass = (
        None if cell["needed_to_pass"] is None else max(more(cell["needed_to_pass"]), clusters)
    )
    to_notice = more(cell["needed_to_notice"] or 0)
    judged = cell["exception"] is None and (cell["decides"] or not cell["not_covered"])
    present = cell["required"] or cell["n"] > 0
    return {
        "missing_to_pass": to_pass,
        "missing_to_notice": to_notice,
        "missing": None if to_pass is None else max(to_pass, to_notice),
        "short": judged and present and (to_pass != 0 or to_notice > 0),
    }


def _hardest(cells: Sequence[Cell], *names: str) -> list[Cell]:
    """Return the cell that lacks most images of all that have the same values of these names."""
    most: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        values = tuple(cell[name] for name in names)
        if values not in most or _lack(cell) > _lack(most[values]):
            most[values] = cell
    return list(most.values())


def _lack(cell: Cell) -> tuple[bool, float, float]:
    missing = math.inf if cell["missing"] is None else cell["missing"]
    return cell["short"], missing, cell["smallest_change"] or 1.0


def _sentence(groups: Sequence[Cell]) -> str:
    short = [group for group in groups if group["short"]]
    stuck = [group for group in short if group["decides"] and group["missing_to_pass"] != 0]
    if not short:
        return "Nothing is short: every class and group that is judged has enough images."
    be = "is" if len(short) == 1 else "are"
    names = f"{len(short)} of {len(groups)} classes and groups {be} short of images"
    if not stuck:
        return f"{names}."
    there = "there" if len(stuck) == len(short) else f"in {len(stuck)} of them"
    return f"{names}, and {there} a model that is no worse may not pass."
