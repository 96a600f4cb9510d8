"""Queries across several tables, a module per subject: `queries.triage.open_cases(ravi)`."""

from feedback.queries import (
    approval_rule,
    audits,
    decisions,
    definitions,
    doubtful_labels,
    golden,
    groups,
    models,
    near_duplicates,
    pending_work,
    public_reports,
    reports,
    retrains,
    transparency,
    triage,
    webhooks,
)

__all__ = [
    "approval_rule",
    "audits",
    "decisions",
    "definitions",
    "doubtful_labels",
    "golden",
    "groups",
    "models",
    "near_duplicates",
    "pending_work",
    "public_reports",
    "reports",
    "retrains",
    "transparency",
    "triage",
    "webhooks",
]
