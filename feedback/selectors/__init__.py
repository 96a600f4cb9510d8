"""Reads that cross models, a module a subject: `selectors.triage.open_cases(ravi)`."""

from feedback.selectors import (
    alike,
    audits,
    decisions,
    definitions,
    doubtful_labels,
    due,
    golden,
    groups,
    keys,
    models,
    public,
    reports,
    triage,
)

__all__ = [
    "alike",
    "audits",
    "decisions",
    "definitions",
    "doubtful_labels",
    "due",
    "golden",
    "groups",
    "keys",
    "models",
    "public",
    "reports",
    "triage",
]
