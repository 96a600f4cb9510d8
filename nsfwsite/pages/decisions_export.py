"""Download every decision, without texts, receipts or images."""

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.models import Decision
from nsfwsite.access import auditor_required

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
COLUMNS = (
    "report",
    "at",
    "by",
    "outcome",
    "label",
    "groups",
    "left_out",
    "because",
    "settled_at",
    "taken_back_at",
    "reporter_says",
    "not_learnt",
)


@never_cache
@auditor_required
@require_safe
def download(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    """Every decision, including those that were taken back."""
    if kind not in TYPES:
        raise Http404
    lines = _csv() if kind == "csv" else (json.dumps(row) + "\n" for row in _rows())
    return StreamingHttpResponse(
        lines,
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="decisions.{kind}"'},
    )


def _rows() -> Iterator[dict[str, Any]]:
    decisions = Decision.objects.select_related("by", "report").order_by("pk")
    for decision in decisions.prefetch_related("report__examples").iterator(900):
        yield {
            "report": decision.report_id,
            "at": decision.at.isoformat(),
            "by": decision.by.get_username(),
            "outcome": decision.outcome,
            "label": decision.label,
            "groups": decision.groups,
            "left_out": decision.left_out,
            "because": decision.because,
            "settled_at": decision.settled_at and decision.settled_at.isoformat(),
            "taken_back_at": decision.taken_back_at and decision.taken_back_at.isoformat(),
            "reporter_says": decision.report.expected_label,
            # For each image: why no model learns from it, should the report be accepted.
            "not_learnt": [example.why_not_learnt for example in decision.report.examples.all()],
        }


class _Echo:
    """A file for the csv module that hands back each line written to it."""

    def write(self, line: str) -> str:
        return line


def _csv() -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield str(writer.writerow(COLUMNS))
    for row in _rows():
        yield str(writer.writerow(map(_cell, row.values())))


def _cell(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return json.dumps(value)
    return "" if value is None else str(value)
