"""Who may do what: three groups of accounts."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

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


def others_review(user: Any) -> bool:
    """Can anybody else decide reports?"""
    may = Q(groups__name__in=(REVIEWERS, MAINTAINERS)) | Q(is_superuser=True)
    return User.objects.filter(may, is_active=True).exclude(pk=user.pk).exists()
