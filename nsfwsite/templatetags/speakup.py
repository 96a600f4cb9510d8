"""Filters and tags that the pages share."""

from collections.abc import Mapping
from typing import Any

from django import template

from feedback import queries, roles
from feedback.models import ApprovalRule, ModelVersion, NotLearnt
from feedback.services import evidence
from modeltrain import formatting, labels
from modeltrain.gate import sentences
from nsfwsite.tables.audit_tables import MEASURES
from nsfwsite.tables.titles import load_titles

register = template.Library()

SHARED_MEASURES = {"flagged": "Flagged"} | MEASURES
VERDICT_CLASS = {"pass": "pass", "blocked": "blocked", "insufficient data": "insufficient"}
VERDICT_SIGN = {"pass": "✓", "blocked": "✕", "insufficient data": "?"}
VERDICT_WORDS = {"pass": "Passed", "blocked": "Blocked", "insufficient data": "Not enough images"}


@register.simple_tag(takes_context=True)
def current_page(context: template.Context) -> str:
    """The URL name of the page."""
    match = getattr(context.get("request"), "resolver_match", None)
    return match.url_name or "" if match else ""


@register.filter
def reviewer(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and roles.is_reviewer(user)


@register.simple_tag
def model_that_answers() -> ModelVersion | None:
    """The model in service, or the one before it while its files are damaged."""
    return queries.models.in_serving_order().first()


@register.filter
def maintainer(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and roles.is_maintainer(user)


@register.filter
def auditor(user: object) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and roles.is_auditor(user)


@register.filter
def others_review(user: Any) -> bool:
    return roles.has_other_reviewers(user)


@register.simple_tag
def approval_rule() -> ApprovalRule:
    """How many reviewers must agree at present."""
    return ApprovalRule.objects.current()


@register.filter
def safety(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and roles.is_safety(user)


@register.filter
def not_learnt_words(reason: str) -> str:
    return str(NotLearnt(reason).label)


@register.filter
def explicit(label: str) -> bool:
    return label in labels.NSFW


@register.filter
def meaning(label: str) -> str:
    return queries.definitions.definition_of(label).meaning


@register.filter
def bars(scores: dict[str, float]) -> list[dict[str, Any]]:
    """Bars for a chart of scores, the highest first."""
    highest = max(scores.values(), default=0)
    return [
        {"label": label, "score": score, "width": round(score * 100, 2), "top": score == highest}
        for label, score in sorted(scores.items(), key=lambda pair: -pair[1])
    ]


@register.filter
def percent(rate: float | None) -> str:
    """A rate as a percentage; nothing where there is no rate."""
    return "" if rate is None else formatting.percent(rate)


@register.filter
def points(difference: float | None) -> str:
    """A difference of two rates in percentage points; nothing where there is none."""
    return "" if difference is None else formatting.points(difference)


@register.filter
def megabytes(size: int) -> str:
    return formatting.megabytes(size)


@register.filter
def duration(seconds: float) -> str:
    return formatting.duration(seconds)


@register.filter
def duration_of_hours(hours: float) -> str:
    return formatting.duration(hours * 3600)


@register.filter
def interval(low: float | None, high: float) -> str:
    return "" if low is None else formatting.interval(low, high)


@register.filter
def points_interval(low: float | None, high: float) -> str:
    return "" if low is None else formatting.points_interval(low, high)


@register.filter
def per_thousand(share: float | None) -> str:
    """A share as images of 1,000; nothing where there is none."""
    return "" if share is None else formatting.per_thousand(share)


@register.filter
def thousandths(value: float) -> str:
    """A figure from 0 to 1 with three decimals."""
    return f"{value:.3f}"


@register.filter
def score(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@register.filter
def get_item(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key)


@register.filter
def verdict_class(verdict: str) -> str:
    return VERDICT_CLASS.get(verdict, "")


@register.filter
def verdict_sign(verdict: str) -> str:
    return VERDICT_SIGN.get(verdict, "·")


@register.filter
def verdict_words(verdict: str) -> str:
    return VERDICT_WORDS.get(verdict, verdict)


@register.filter
def brief_verdict(gate: Mapping[str, Any]) -> str:
    """A verdict's sentence, beside which the sentences of its gaps stand."""
    return sentences.brief_verdict(gate)


@register.filter
def name_of(user: Any) -> str:
    """The public name of a person with a role."""
    return user.get_full_name() or user.get_username() if user else "nobody"


@register.filter
def shared_counts(counts: dict[str, Any]) -> list[dict[str, Any]]:
    """Each group with its rates, and what these are called."""
    rows = evidence.group_rates(counts)
    for row in rows:
        for measured in row["measures"]:
            measured["title"] = SHARED_MEASURES[measured["measure"]]
    return rows


@register.simple_tag
def group_titles(groups: dict[str, str]) -> list[tuple[str, str]]:
    """The titles of each axis and group."""
    titles = load_titles()
    return [(titles.axis(axis), titles.group(axis, group)) for axis, group in groups.items()]
