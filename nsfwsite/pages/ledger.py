"""The public ledger of decisions, its download, and the program that checks its chain."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.models import LedgerEntry

PAGE_SIZE = 25
CHECKER = settings.BASE_DIR / "docs" / "check_ledger.py"


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    if kind not in LedgerEntry.Kind.values:
        kind = ""
    entries = LedgerEntry.objects.all()
    shown = entries.filter(kind=kind).order_by("-number") if kind else entries
    context = {
        "head": entries.first(),
        "kinds": LedgerEntry.Kind.choices,
        "kind": kind,
        "page": Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page")),
        "query": urlencode({"kind": kind}) + "&" if kind else "",
    }
    return render(request, "pages/ledger.html", context)


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
