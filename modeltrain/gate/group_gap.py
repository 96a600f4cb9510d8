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
    answers: Columns,
    *,
    axis: str,
    value: str,
    against: str | None = None,
    measure: str,
    rule: DecisionRule,
    policy: Policy,
) -> Gap | None:
    """Compare a group with others of its axis, as the gate does, under one model.

    Parameters
    ----------
    answers : Columns
        The model's answers to an audit set.
    axis, value : str
        The group.
    against : str, optional
        The reference group that it is compared with; the rest of its axis unless given.
    measure : str
        `false_alarm`, `miss` or `error`.
    rule : DecisionRule
        At which rule the mistake is made. Of an `error` it is the label with the highest score.
    policy : Policy
        What images are standardised by, and the level of the interval.

    Returns
    -------
    Gap or None
        None if the audit set has no images of a group, or none that are comparable.
    """
    values = answers.groups[axis][0] if axis in answers.groups else ()
    if not {value, against or value} <= {*values}:
        return None
    places = answers.groups[axis][1]
    affected = possible(measure, answers.expected)
    rows = np.flatnonzero((places != ABSENT) & affected)
    clusters = cluster_numbers(answers.cluster)
    compared = compared_groups(answers, axis, rows, clusters, policy)
    happened, intervals = _happened(answers, measure, rule)[rows], None
    if against is not None:
        intervals = len(values) - 1
        images, compared = compared.pair(value, against)
        happened = happened[images]
    all_gaps = gaps(compared, happened, intervals=intervals, level=policy.level)
    return next((gap for gap in all_gaps if gap.value == value), None)


def _happened(answers: Columns, measure: str, rule: DecisionRule) -> NDArray[np.bool_]:
    if measure == ERROR:
        return answers.wrong
    return rule.mistakes(expected=answers.expected, scores=answers.scores)[measure]
