"""The pages about audits, under the three questions that they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django import template
from django.urls import reverse

from feedback import queries
from feedback.models import Finding

register = template.Library()

PENDING = (Finding.Status.WAITING, Finding.Status.RUNNING)


@dataclass(frozen=True)
class AuditPage:
    """A page, by its URL name.

    Attributes
    ----------
    name, title : str
    audits : int
        How many finished audits of one set it needs before it has results.
    finding : str
        The kind of finding that it shows, if it shows one.
    """

    name: str
    title: str
    audits: int = 0
    finding: str = ""


QUESTIONS: Mapping[str, Sequence[AuditPage]] = {
    "How often is it wrong, and for whom?": (
        AuditPage("audits", "Overview"),
        AuditPage("disparity", "Group against group", audits=1),
        AuditPage("models", "Models"),
        AuditPage("compare", "Compare", audits=2),
        AuditPage("published", "Published models", finding=Finding.Kind.PUBLISHED),
        AuditPage("signals", "What reports point at"),
    ),
    "Why?": (
        AuditPage("threshold", "Threshold", audits=1),
        AuditPage("counterfactual", "Counterfactuals", finding=Finding.Kind.COUNTERFACTUAL),
        AuditPage("slices", "Slices", finding=Finding.Kind.SLICES),
    ),
    "Can I check?": (
        AuditPage("policy", "Release policy"),
        AuditPage("int8", "Quantized model", finding=Finding.Kind.INT8),
        AuditPage("shortage", "Enough images?", audits=1),
        AuditPage("ledger", "Ledger"),
        AuditPage("yours", "Your own images"),
    ),
}


PAGE_NAMES = {"model", *(page.name for pages in QUESTIONS.values() for page in pages)}


@register.filter
def answers_question(name: str) -> bool:
    """Whether the page with this URL name is about audits."""
    return name in PAGE_NAMES


def offered_pages() -> list[str]:
    """The URL names of the pages about audits that have results."""
    results = queries.audits.results()
    pages = [page for pages in QUESTIONS.values() for page in pages]
    return [page.name for page in pages if _is_offered(page, results)]


@register.inclusion_tag("audits/questions.html")
def audit_questions(current: str) -> dict[str, object]:
    """The questions, and the pages of the one that the page `current` answers.

    A page without results is left out. If they are being computed, it is named without a link.
    """
    results = queries.audits.results()
    questions = []
    for title, pages in QUESTIONS.items():
        rows = [
            {
                "title": page.title,
                "address": reverse(page.name),
                "current": page.name == current,
                "pending": results.findings.get(page.finding) in PENDING,
            }
            for page in pages
            if page.name == current or _is_offered(page, results)
        ]
        first = next((row["address"] for row in rows if not row["pending"]), "")
        questions.append(
            {
                "title": title,
                "address": first,
                "pages": rows,
                "current": any(row["current"] for row in rows),
            }
        )
    return {"questions": [question for question in questions if question["pages"]]}


def _is_offered(page: AuditPage, results: queries.audits.Results) -> bool:
    if page.finding:
        return page.finding in results.findings
    return results.audits >= page.audits
