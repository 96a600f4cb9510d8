"""Who may do what: three groups of accounts."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

REVIEWERS = "reviewers"
MAINTAINERS = "maintainers"
SAFETY = "safety"


def _is_in(user: Any, *groups: str) -> bool:
    return user.is_active and (user.is_superuser or user.groups.filter(name__in=groups).exists())


def is_reviewer(user: Any) -> bool:
    return _is_in(user, REVIEWERS, MAINTAINERS)


def is_maintainer(user: Any) -> bool:
    return _is_in(user, MAINTAINERS)


def is_safety(user: Any) -> bool:
    """Being a superuser is not enough to see what was escalated."""
    return bool(user.is_active and user.groups.filter(name=SAFETY).exists())


def reviewers() -> "QuerySet[User]":
    """Whoever can decide reports."""
    return _active(REVIEWERS, MAINTAINERS)


def maintainers() -> "QuerySet[User]":
    return _active(MAINTAINERS)


def _active(*groups: str) -> "QuerySet[User]":
    may = Q(groups__name__in=groups) | Q(is_superuser=True)
    return User.objects.filter(may, is_active=True).distinct()


def others_review(user: Any) -> bool:
    """Can anybody else decide reports?"""
    return reviewers().exclude(pk=user.pk).exists()
