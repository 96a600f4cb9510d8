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

from feedback import people, queries
from feedback.models import Decision, Golden, GoldenAnswer
from feedback.models.ledger import sha256
from feedback.services.ledger import name_of
from modeltrain import labels
from modeltrain.audit import agreement, fairness
from nsfwsite.access import person, reader_required

DAY = 24 * 3600
NEWEST = 1000  # reports that two have decided; older ones tell of how people decided then
VALUES = (*labels.LABELS, Decision.Outcome.REJECTED.value, Decision.Outcome.ESCALATED.value)


@never_cache
@reader_required
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """For everybody who reviews; of single reviewers, maintainers and auditors see all."""
    judged = _judged_twice()
    found = _agreement(judged)
    me = person(request)
    all_of_them, rows = people.is_auditor(me), _reviewers(judged)
    context = {
        "overall": found["n"],
        "cells": [_drawn("Everything", found)]
        + [_drawn(value, cell) for value, cell in found["values"].items()],
        "minimum": agreement.MINIMUM,
        "newest": NEWEST,
        "reviewers": [row for row in rows if all_of_them or row["who"] == me],
        "golden": [row for row in _golden() if all_of_them or row["who"] == me],
        "golden_cases": Golden.objects.count(),
        "golden_share": settings.GOLDEN_SHARE,
    }
    return render(request, "pages/agreement.html", context)


def _drawn(name: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    """With its range from 0 to 1, for a bar."""
    if not cell["enough"]:
        return {**cell, "name": name}
    low, at, high = (max(0.0, cell[each]) for each in ("low", "alpha", "high"))
    return {**cell, "name": name, "x": low, "width": high - low, "at": at * 0.98}


def _judged_twice() -> list[list[Decision]]:
    """What was said of each report that at least two decided, without seeing each other."""
    together = (
        list(said) for _, said in groupby(queries.decisions.independent_decisions(), _report)
    )
    return [said for said in together if len(said) > 1][-NEWEST:]


def _report(decision: Decision) -> int:
    return decision.report_id


def _agreement(judged: Sequence[Sequence[Decision]]) -> dict[str, Any]:
    said = sorted(tuple(sorted(one.verdict for one in each)) for each in judged)
    key = f"agreement-{sha256(said)}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = agreement.agreement(said, VALUES)
        cache.set(key, found, DAY)
    return found


def _reviewers(judged: Iterable[Sequence[Decision]]) -> list[dict[str, Any]]:
    """How often each reviewer and another one said the same of a report."""
    pairs: dict[User, list[bool]] = {}
    for said in judged:
        for mine in said:
            same = [mine.verdict == other.verdict for other in said if other is not mine]
            pairs.setdefault(mine.by, []).extend(same)
    return _shares(pairs)


def _golden() -> list[dict[str, Any]]:
    """How often each reviewer answered a golden case as it had been decided."""
    answers: dict[User, list[bool]] = {}
    for one in GoldenAnswer.objects.select_related("by"):
        answers.setdefault(one.by, []).append(one.right)
    return _shares(answers)


def _shares(counted: Mapping[User, Sequence[bool]]) -> list[dict[str, Any]]:
    by_name = sorted(counted.items(), key=lambda pair: name_of(pair[0]))
    return [{"who": who, **share(sum(yes), len(yes))} for who, yes in by_name]


def share(count: int, n: int) -> dict[str, Any]:
    """A count and, from the minimum on, its share with the range."""
    low, high = fairness.wilson(count=count, n=n) or (None, None)
    enough = n >= agreement.MINIMUM
    rate = count / n if n else None
    return {"count": count, "n": n, "enough": enough, "rate": rate, "low": low, "high": high}
