"""Who may do what: groups of accounts, as in docs/roles.md.

Being a superuser gives the admin, where accounts and settings are, and nothing here.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

REVIEWERS = "reviewers"
MAINTAINERS = "maintainers"
SAFETY = "safety"
AUDITORS = "auditors"
GROUPS = (REVIEWERS, MAINTAINERS, SAFETY, AUDITORS)


def _is_in(user: Any, *groups: str) -> bool:
    return bool(user.is_active and user.groups.filter(name__in=groups).exists())


def is_reviewer(user: Any) -> bool:
    return _is_in(user, REVIEWERS, MAINTAINERS)


def is_maintainer(user: Any) -> bool:
    return _is_in(user, MAINTAINERS)


def is_safety(user: Any) -> bool:
    return _is_in(user, SAFETY)


def is_auditor(user: Any) -> bool:
    """Statistics and exports of decisions, in words and without pictures."""
    return _is_in(user, AUDITORS, MAINTAINERS)


def reviewers() -> "QuerySet[User]":
    """Whoever can decide reports."""
    return _active(REVIEWERS, MAINTAINERS)


def maintainers() -> "QuerySet[User]":
    return _active(MAINTAINERS)


def _active(*groups: str) -> "QuerySet[User]":
    return User.objects.filter(groups__name__in=groups, is_active=True).distinct()


def others_review(user: Any) -> bool:
    """Can anybody else decide reports?"""
    return reviewers().exclude(pk=user.pk).exists()
