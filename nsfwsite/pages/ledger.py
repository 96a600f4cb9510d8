"""The public ledger of decisions, its download, and the program that checks its chain."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.models import Finding, LedgerEntry, Retrain
from modeltrain.gate.sentences import not_judged
from nsfwsite.shared_pages import shared_page

PAGE_SIZE = 25
CHECKER = settings.BASE_DIR / "docs" / "check_ledger.py"


@never_cache
@require_safe
@shared_page
def show(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    if kind not in LedgerEntry.Kind.values:
        kind = ""
    entries = LedgerEntry.objects.all()
    shown = entries.filter(kind=kind).order_by("-number") if kind else entries
    page = Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page"))
    page.object_list = _with_what_is_not_judged(page.object_list)
    context = {
        "head": entries.first(),
        "kinds": LedgerEntry.Kind.choices,
        "kind": kind,
        "page": page,
        "query": urlencode({"kind": kind}) + "&" if kind else "",
    }
    return render(request, "pages/ledger.html", context)


def _with_what_is_not_judged(queryset: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Add to each verdict what its policy leaves out, as `not_judged`."""
    entries: list[Any] = list(queryset)
    retrains = Retrain.objects.filter(pk__in=_facts(entries, "retrain"))
    exports = Finding.objects.filter(
        kind=Finding.Kind.INT8, figures__sha256__in=_facts(entries, "export_sha256")
    )
    policies = {
        **dict(retrains.values_list("pk", "gate__policy")),
        **dict(exports.values_list("figures__sha256", "figures__gate__policy")),
    }
    for entry in entries:
        key = entry.facts.get("export_sha256", entry.facts.get("retrain"))
        entry.not_judged = not_judged(policies.get(key) or {}) if "verdict" in entry.facts else ""
    return entries


def _facts(entries: Iterable[LedgerEntry], name: str) -> list[Any]:
    return [entry.facts[name] for entry in entries if name in entry.facts]


@never_cache
@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        _lines(),
        content_type="application/jsonl; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ledger.jsonl"'},
    )


@require_safe
def checker(request: HttpRequest) -> FileResponse:
    return FileResponse(CHECKER.open("rb"), as_attachment=True)


def _lines() -> Iterator[str]:
    for entry in LedgerEntry.objects.order_by("number").iterator(2000):
        yield entry.line + "\n"
