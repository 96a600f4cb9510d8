"""What the labels mean: every version of each definition, and the form that changes one."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.errors import Invalid, Refusal
from feedback.models import Definition
from feedback.services import definitions
from feedback.text import whole_number
from modeltrain.labels import LABELS
from nsfwsite.access import maintainer_required, signed_in_user, with_refusal
from nsfwsite.shared_pages import shared_page

ARROW = "→"


@never_cache
@require_safe
@shared_page
def show(request: HttpRequest) -> HttpResponse:
    return definitions_page(request)


def definitions_page(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    form = request.POST if refusal else QueryDict()
    context = {
        "definitions": [
            _definition(versions, form) for versions in queries.definitions.all_versions().values()
        ],
        "decided": queries.definitions.decided_objections(),
        "open": queries.definitions.open_objections(),
        "labels": LABELS,
        "arrow": ARROW,
        "refusal": refusal,
        "chosen_label": form.get("label") or request.GET.get("label", ""),
        "words": form.get("words", ""),
    }
    response = render(request, "pages/definitions.html", context)
    return with_refusal(response, refusal) if refusal else response


def _definition(versions: list[Definition], form: QueryDict) -> dict[str, Any]:
    """A label's definition, earlier ones, and the fields of the form that changes it.

    The form shows what the maintainer had typed when the change was refused.
    """
    current, *earlier = versions
    lines = [f"{case['picture']} {ARROW} {case['label']}" for case in current.borderline]
    refused = "meaning" in form and form.get("label") == current.label
    fields = form if refused else {"meaning": current.meaning, "borderline": "\n".join(lines)}
    return {"current": current, "earlier": earlier, "form": fields, "refused": refused}


@maintainer_required
@require_POST
def revise(request: HttpRequest) -> HttpResponse:
    try:
        definition = definitions.revise(
            label=request.POST.get("label", ""),
            meaning=request.POST.get("meaning", ""),
            borderline=_borderline(request.POST.get("borderline", "")),
            reason=request.POST.get("reason", ""),
            by=signed_in_user(request),
            objections=[
                pk
                for text in request.POST.getlist("objection")
                if (pk := whole_number(text)) is not None
            ],
        )
    except Refusal as refusal:
        return definitions_page(request, refusal=refusal)
    messages.success(
        request, f"Version {definition.version} of {definition.label} holds from now on."
    )
    return redirect("definitions")


def _borderline(text: str) -> list[dict[str, str]]:
    """Borderline examples, one a line: what the image shows, an arrow, the label."""
    examples = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        image, arrow, label = line.replace("->", ARROW).rpartition(ARROW)
        if not (arrow and image.strip()):
            raise Invalid(
                rule=f"A borderline example is a line “image {ARROW} label”.",
                received=f"line {number}: {line.strip()[:80]!r}",
                remedy="Write the image in words, an arrow, and one label.",
            )
        examples.append({"picture": image.strip(), "label": label.strip()})
    return examples
