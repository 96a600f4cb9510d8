"""What the labels mean, who disagrees, and what became of that."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.errors import Invalid, Refusal
from feedback.models import Definition, Objection
from feedback.services import definitions
from modeltrain.labels import LABELS
from nsfwsite import throttle
from nsfwsite.access import by_receipt, maintainer_required, person, refusing, with_refusal
from nsfwsite.pages.receipt import acted, private

BETWEEN = "→"


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    typed = request.POST if refusal else QueryDict()
    context = {
        "definitions": [
            _shown(versions, typed) for versions in queries.definitions.all_versions().values()
        ],
        "decided": queries.definitions.decided_objections(),
        "open": queries.definitions.open_objections(),
        "labels": LABELS,
        "between": BETWEEN,
        "refusal": refusal,
        "label": typed.get("label") or request.GET.get("label", ""),
        "words": typed.get("words", ""),
    }
    response = render(request, "pages/definitions.html", context)
    return with_refusal(response, refusal) if refusal else response


def _shown(versions: list[Definition], typed: QueryDict) -> dict[str, Any]:
    """A definition, those before it, and the form that changes it, as it was left if refused."""
    now, *before = versions
    lines = [f"{one['picture']} {BETWEEN} {one['label']}" for one in now.borderline]
    left = "meaning" in typed and typed.get("label") == now.label
    form = typed if left else {"meaning": now.meaning, "borderline": "\n".join(lines)}
    return {"now": now, "before": before, "form": form, "left": left}


@require_POST
def object_to(request: HttpRequest) -> HttpResponse:
    try:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        made = definitions.object_to(
            label=request.POST.get("label", ""), words=request.POST.get("words", "")
        )
    except Refusal as refusal:
        return _page(request, refusal=refusal)
    return redirect("objection", receipt=made.receipt)


@never_cache
@require_safe
def receipt(request: HttpRequest, receipt: str) -> HttpResponse:
    objection = _objection_of(receipt)
    newest = queries.definitions.definition_of(objection.label)
    context = {
        "objection": objection,
        "url": request.build_absolute_uri(),
        "newest": newest if newest.version > objection.version else None,
    }
    return private(render(request, "pages/objection.html", context))


@by_receipt
def withdraw(request: HttpRequest, receipt: str) -> HttpResponse:
    objection = _objection_of(receipt)
    return acted(request, "objection", receipt, lambda: definitions.withdraw(objection=objection))


def _objection_of(receipt: str) -> Objection:
    found = Objection.objects.filter(receipt=receipt).first()
    if found is None:
        raise Http404
    return found


@maintainer_required
@require_POST
def revise(request: HttpRequest) -> HttpResponse:
    try:
        made = definitions.revise(
            label=request.POST.get("label", ""),
            meaning=request.POST.get("meaning", ""),
            borderline=_borderline(request.POST.get("borderline", "")),
            reason=request.POST.get("reason", ""),
            by=person(request),
            objections=[int(pk) for pk in request.POST.getlist("objection") if pk.isdecimal()],
        )
    except Refusal as refusal:
        return _page(request, refusal=refusal)
    messages.success(request, f"Version {made.version} of {made.label} holds from now on.")
    return redirect("definitions")


@maintainer_required
@refusing
@require_POST
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    definitions.decline(
        objection=get_object_or_404(Objection, pk=pk),
        reason=request.POST.get("reason", ""),
        by=person(request),
    )
    messages.success(request, "Declined. Whoever objected reads why.")
    return redirect("definitions")


def _borderline(text: str) -> list[dict[str, str]]:
    """One example a line: what is in the picture, an arrow, the label."""
    found = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        picture, arrow, label = line.replace("->", BETWEEN).rpartition(BETWEEN)
        if not (arrow and picture.strip()):
            raise Invalid(
                rule=f"A borderline example is a line “picture {BETWEEN} label”.",
                received=f"line {number}: {line.strip()[:80]!r}",
                remedy="Write the picture in words, an arrow, and one label.",
            )
        found.append({"picture": picture.strip(), "label": label.strip()})
    return found
