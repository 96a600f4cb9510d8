"""Slices: regions where mistakes cluster, whatever groups people wrote down, and their names."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from feedback.models import Audit, AuditSet, Finding, NamedSlice
from feedback.text import whole_number
from modeltrain.formatting import points
from nsfwsite.access import maintainer_required, refusals_as_pages, signed_in_user, typed_text
from nsfwsite.audits import filters, images
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import difference_label, forest
from nsfwsite.audits.findings import finding_context, redirect_to_finding
from nsfwsite.intake import maintaining

Region = dict[str, Any]

MISTAKES_SHOWN = 3


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    context = finding_context(request, Finding.Kind.SLICES)
    audit, figures = context["audit"], context["figures"]
    named_slices = _named_slices(context["audit_set"])
    if figures is not None:
        regions = _regions(audit.audit_set, figures, named_slices)
        charts = filters.by_name(request, [regions_chart(regions)], context["source"])
        if file := requested_file(request, list(charts.values())):
            return file
        context |= {"charts": charts, "regions": regions}
    context["named_slices"] = _with_error_rates(named_slices, audit)
    return render(request, "audits/slices.html", context)


def _named_slices(audit_set: AuditSet | None) -> list[NamedSlice]:
    """Every slice that was named in a set, those whose name was taken back too."""
    return list(
        NamedSlice.objects.filter(audit_set=audit_set).select_related(
            "value", "found_with", "named_by", "taken_back_by"
        )
    )


def _regions(
    audit_set: AuditSet, figures: list[Region], named_slices: Sequence[NamedSlice]
) -> list[Region]:
    title_by_image = {
        sha256: named.title for named in named_slices if named.value for sha256 in named.images
    }
    regions = []
    for number, region in enumerate(figures):
        members = region["members"]
        names = Counter(title_by_image[sha256] for sha256 in members if sha256 in title_by_image)
        nameless = len(members) - names.total()
        mistakes = Counter((image["expected"], image["predicted"]) for image in region["exemplars"])
        has_one_name = len(names) == 1 and not nameless
        regions.append(
            region
            | {
                "number": number,
                "title": next(iter(names)) if has_one_name else f"Region {number + 1}",
                "images": len(members),
                "nameless": nameless,
                "names": names.most_common(),
                "difference": region["inside"]["rate"] - region["outside"]["rate"],
                "mistakes": mistakes.most_common(MISTAKES_SHOWN),
                "exemplars": [
                    image | {"address": images.address(audit_set, image["sha256"])}
                    for image in region["exemplars"]
                ],
            }
        )
    return regions


def regions_chart(regions: Sequence[Region]) -> Chart | None:
    """How much more frequently each region is wrong than everything else."""
    cells = [
        {
            "axis": "Regions",
            "value": region["title"],
            "rate": region["difference"],
            "low": region["low"],
            "high": region["high"],
            "n": region["inside"]["n"],
        }
        for region in regions
    ]
    if not cells:
        return None
    worst = max(cells, key=lambda cell: cell["rate"])
    excess = points(worst["rate"]).removeprefix("+")
    title = f"{worst['value']}: wrong {excess} points more than everything else"
    return Chart(
        name="regions",
        title=title,
        summary=f"{title}, {points(worst['low'])} points to {points(worst['high'])} points. "
        f"{len(cells)} regions are drawn, the surest first.",
        columns=["region", "difference", "low", "high", "images"],
        rows=[[cell[key] for key in ("value", "rate", "low", "high", "n")] for cell in cells],
        draw=forest(cells, x="error rate inside minus outside", signed=True),
        detail=f"{worst['value']}: {difference_label(worst)}",
    )


def _with_error_rates(
    named_slices: Sequence[NamedSlice], audit: Audit | None
) -> list[dict[str, Any]]:
    """Each named slice, and how the model does there."""
    cells = audit.figures["groups"].get("slice", {}) if audit and audit.figures else {}
    return [
        {
            "slice": named,
            "images": len(named.images),
            "cell": cells.get(named.value.name) if named.value else None,
        }
        for named in named_slices
    ]


@maintainer_required
@refusals_as_pages
@require_POST
def name(request: HttpRequest) -> HttpResponse:
    findings = Finding.objects.filter(kind=Finding.Kind.SLICES)
    finding = get_object_or_404(
        findings.select_related("audit__model", "audit__audit_set"),
        pk=_posted_number(request, "finding"),
    )
    named = maintaining.name_slice(
        finding=finding,
        region=_posted_number(request, "region"),
        title=typed_text(request, "title"),
        by=signed_in_user(request),
    )
    messages.success(request, f"Named: {named}. Audits of this set are counted again.")
    return redirect_to_finding(finding.kind, finding.audit)


def _posted_number(request: HttpRequest, field: str) -> int:
    """A number from a form; -1, which is no id and no region, for anything else."""
    number = whole_number(request.POST.get(field, ""))
    return -1 if number is None else number


@maintainer_required
@refusals_as_pages
@require_POST
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    named = get_object_or_404(NamedSlice.objects.select_related("audit_set", "value"), pk=pk)
    maintaining.take_back_slice(named=named, by=signed_in_user(request))
    messages.success(request, f"Taken back: {named}. Audits of this set are counted again.")
    query = urlencode({"set": named.audit_set.name})
    return redirect(f"{reverse('slices')}?{query}")
