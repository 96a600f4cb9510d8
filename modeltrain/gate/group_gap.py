"""Is a gap between groups still there? One group against the rest, under one model alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.claims import ERROR
from modeltrain.audit.columns import ABSENT, Columns
from modeltrain.audit.fairness import cluster_numbers
from modeltrain.audit.gaps import Gap, gaps
from modeltrain.audit.harm import DecisionRule, possible
from modeltrain.gate.disparity import compared_groups
from modeltrain.gate.policy import Policy


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
    if axis not in answers.groups or value not in answers.groups[axis][0]:
        return None
    places = answers.groups[axis][1]
    affected = possible(measure, answers.expected)
    rows = np.flatnonzero((places != ABSENT) & affected)
    clusters = cluster_numbers(answers.cluster)
    compared = compared_groups(answers, axis, rows, clusters, policy)
    all_gaps = gaps(compared, _happened(answers, measure, rule)[rows], level=policy.level)
    return next((gap for gap in all_gaps if gap.value == value), None)


def _happened(answers: Columns, measure: str, rule: DecisionRule) -> NDArray[np.bool_]:
    if measure == ERROR:
        return answers.wrong
    return rule.mistakes(expected=answers.expected, scores=answers.scores)[measure]
