"""How far reviewers agree."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries, roles
from feedback.models import Decision, Golden, GoldenAnswer
from feedback.models.ledger import sha256
from feedback.services.ledger import name_of
from modeltrain import labels
from modeltrain.audit import agreement
from nsfwsite.access import reviewer_or_auditor_required, signed_in_user

DAY = 24 * 3600
NEWEST = 1000  # reports that two have decided; older ones show how people decided then
VALUES = (*labels.LABELS, Decision.Outcome.REJECTED.value, Decision.Outcome.ESCALATED.value)


@never_cache
@reviewer_or_auditor_required
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Reviewers see the overall figures and their own; maintainers and auditors see everybody's."""
    decisions_by_report = _decided_by_several()
    figures = _agreement(decisions_by_report)
    user = signed_in_user(request)
    sees_everybody = roles.is_auditor(user)
    context = {
        "overall": figures["n"],
        "cells": [_cell("Everything", figures)]
        + [_cell(value, cell) for value, cell in figures["values"].items()],
        "minimum": agreement.MINIMUM_JUDGED_TWICE,
        "newest": NEWEST,
        "reviewers": [
            row
            for row in _by_reviewer(decisions_by_report)
            if sees_everybody or row["reviewer"] == user
        ],
        "golden": [row for row in _golden() if sees_everybody or row["reviewer"] == user],
        "golden_cases": Golden.objects.count(),
        "golden_share": settings.GOLDEN_SHARE,
    }
    return render(request, "pages/agreement.html", context)


def _cell(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one row, with the interval cut to 0 to 1 for the bar that draws it."""
    if not figures["enough"]:
        return {**figures, "name": name}
    low, alpha, high = (max(0.0, figures[field]) for field in ("low", "alpha", "high"))
    return {**figures, "name": name, "x": low, "width": high - low, "at": alpha * 0.98}


def _decided_by_several() -> list[list[Decision]]:
    """The decisions on each report that at least two reviewers decided independently."""
    independent = queries.decisions.independent_decisions()
    by_report = groupby(independent, key=lambda decision: decision.report_id)
    groups = [list(decisions) for _, decisions in by_report]
    return [decisions for decisions in groups if len(decisions) > 1][-NEWEST:]


def _agreement(decisions_by_report: Sequence[Sequence[Decision]]) -> dict[str, Any]:
    verdicts = sorted(
        tuple(sorted(decision.verdict for decision in decisions))
        for decisions in decisions_by_report
    )
    key = f"agreement-{sha256(verdicts)}"
    figures: dict[str, Any] | None = cache.get(key)
    if figures is None:
        figures = agreement.agreement(verdicts, VALUES)
        cache.set(key, figures, DAY)
    return figures


def _by_reviewer(decisions_by_report: Iterable[Sequence[Decision]]) -> list[dict[str, Any]]:
    """How often each reviewer and another one decided a report the same way."""
    matches: dict[User, list[bool]] = {}
    for decisions in decisions_by_report:
        for decision in decisions:
            matches.setdefault(decision.by, []).extend(
                decision.verdict == other.verdict for other in decisions if other is not decision
            )
    return _shares(matches)


def _golden() -> list[dict[str, Any]]:
    """How often each reviewer answered a golden case as it had been decided."""
    matches: dict[User, list[bool]] = {}
    for answer in GoldenAnswer.objects.select_related("by"):
        matches.setdefault(answer.by, []).append(answer.right)
    return _shares(matches)


def _shares(matches: Mapping[User, Sequence[bool]]) -> list[dict[str, Any]]:
    by_name = sorted(matches.items(), key=lambda item: name_of(item[0]))
    return [
        {"reviewer": reviewer, **share(sum(values), len(values))} for reviewer, values in by_name
    ]


def share(count: int, n: int) -> dict[str, Any]:
    """A count and its share of n, with a 95% interval; `enough` from the minimum n on."""
    from modeltrain.audit.fairness import wilson_interval

    low, high = wilson_interval(count=count, n=n) or (None, None)
    enough = n >= agreement.MINIMUM_JUDGED_TWICE
    rate = count / n if n else None
    return {"count": count, "n": n, "enough": enough, "rate": rate, "low": low, "high": high}
