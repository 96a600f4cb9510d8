"""Who may do what: groups of accounts, as in docs/roles.md.

A superuser may use the admin, which has accounts and settings, and may do nothing else here.
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
    """May read statistics and export decisions, as text without images."""
    return _is_in(user, AUDITORS, MAINTAINERS)


def reviewers() -> "QuerySet[User]":
    """Everyone who can decide reports."""
    return _active(REVIEWERS, MAINTAINERS)


def maintainers() -> "QuerySet[User]":
    return _active(MAINTAINERS)


def _active(*groups: str) -> "QuerySet[User]":
    return User.objects.filter(groups__name__in=groups, is_active=True).distinct()


def has_other_reviewers(user: Any) -> bool:
    """Can anyone else decide reports?"""
    return reviewers().exclude(pk=user.pk).exists()
