"""Who may answer a golden case."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from feedback import roles
from feedback.models import Golden


def who_may_answer(golden: Golden) -> "QuerySet[User]":
    """Reviewers who have neither decided the report nor answered its golden case."""
    return roles.reviewers().exclude(
        Q(pk__in=golden.report.decisions.values("by")) | Q(pk__in=golden.answers.values("by"))
    )


def may_answer(golden: Golden, reviewer: User) -> bool:
    return who_may_answer(golden).filter(pk=reviewer.pk).exists()
