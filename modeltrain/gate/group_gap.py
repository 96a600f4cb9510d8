"""Is a gap between groups still there? One group against the rest, under one model alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.columns import ABSENT, Columns
from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.gaps import Axis, Gap, gaps
from modeltrain.audit.harm import CONFUSION, DecisionRule, possible
from modeltrain.gate.disparity import ERROR
from modeltrain.gate.policy import CLASS, Policy


def group_gap(
    answers: Columns, *, axis: str, value: str, measure: str, rule: DecisionRule, policy: Policy
) -> Gap | None:
    """Compare a group with the rest of its axis, as the gate does, under one model.

    Parameters
    ----------
    answers : Columns
        The model's answers to an audit set.
    axis, value : str
        The group.
    measure : str
        `false_alarm`, `miss` or `error`.
    rule : DecisionRule
        At which rule the mistake is made. Of an `error` it is the label with the highest score.
    policy : Policy
        What images are standardised by, and the level of the interval.

    Returns
    -------
    Gap or None
        None if the audit set has no images of the group, or none that are comparable.
    """
    values, places = answers.groups.get(axis, ([], np.empty(0, dtype=np.int16)))
    if value not in values:
        return None
    affected = possible(CONFUSION if measure == ERROR else measure, answers.expected)
    rows = np.flatnonzero((places != ABSENT) & affected)
    compared = Axis(
        values=values,
        groups=places[rows].astype(np.intp),
        strata=_strata(answers, axis, rows, policy),
        clusters=cluster_numbers(answers.cluster[rows]),
    )
    all_gaps = gaps(compared, _happened(answers, measure, rule)[rows], level=policy.level)
    return next((gap for gap in all_gaps if gap.value == value), None)


def _happened(answers: Columns, measure: str, rule: DecisionRule) -> NDArray[np.bool_]:
    if measure == ERROR:
        return answers.wrong
    return rule.mistakes(expected=answers.expected, scores=answers.scores)[measure]


def _strata(
    answers: Columns, axis: str, rows: NDArray[np.intp], policy: Policy
) -> NDArray[np.intp]:
    """Number what images are compared within: those that agree on all that is standardised by."""
    columns = [
        answers.expected if name == CLASS else answers.groups[name][1]
        for name in policy.standardised
        if name == CLASS or (name != axis and name in answers.groups)
    ]
    traits = np.array([column[rows] for column in columns], dtype=np.intp).reshape(-1, len(rows))
    strata: NDArray[np.intp] = np.unique(traits, axis=1, return_inverse=True)[1].reshape(-1)
    return strata
