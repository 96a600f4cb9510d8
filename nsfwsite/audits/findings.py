"""What was found beyond rates: images alike but for one thing, and groups that nobody named."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from feedback import queries
from feedback.models import Audit, AuditSet, Finding, ModelVersion, NamedSlice
from feedback.services import exports
from nsfwsite.access import maintainer_required, refusals_as_pages, signed_in_user, typed_text
from nsfwsite.audits import beyond, charts, dashboards, filters, pictures
from nsfwsite.intake import maintaining
from nsfwsite.tables import gate_table, titles

Kind = Finding.Kind
MISTAKES_SHOWN = 3
INSUFFICIENT = "insufficient data"


def _asked(request: HttpRequest, kind: str) -> dict[str, Any]:
    """The set, the model and the finding that an address asks for, by default the champion's."""
    used, audit_set, audits = filters.audits(request)
    versions = {audit.model.version: audit for audit in audits}
    champion = next(
        (v for v, a in versions.items() if a.model.status == ModelVersion.Status.CHAMPION),
        next(iter(versions), ""),
    )
    version = filters.choice(request, "model", list(versions), champion)
    audit = versions.get(version)
    finding = queries.audits.finding_of(audit, kind)
    return {
        "used": used,
        "chosen": audit_set,
        "versions": list(versions),
        "version": version,
        "audit": audit,
        "finding": finding,
        "found": finding.figures if finding and finding.status == Finding.Status.DONE else None,
    }


@require_safe
def counterfactual(request: HttpRequest) -> HttpResponse:
    context = _asked(request, Kind.COUNTERFACTUAL)
    audit, found = context["audit"], context["found"]
    if found is not None:
        minimum = audit.figures["minimum"]
        shown = filters.linked(
            request,
            [beyond.flips(found, minimum), beyond.shifts(found, minimum)],
        )
        if file := charts.asked(request, list(shown.values())):
            return file
        names = beyond.things(found)
        thing = filters.choice(request, "show", list(names), next(iter(names), ""))
        context |= {
            "charts": shown,
            "given": [name for name, each in found.items() if each["kind"] == "given"],
            "short": beyond.too_few(found, minimum),
            "things": names,
            "thing": thing,
            "made": thing and found[thing]["kind"] == "made",
            "worst": _worst(audit.audit_set, thing, found[thing]) if thing else [],
        }
    return render(request, "audits/counterfactual.html", context)


@require_safe
def int8(request: HttpRequest) -> HttpResponse:
    """What browsers load instead of the model, and whether it is as good for everybody."""
    context = _asked(request, Kind.INT8)
    found = context["found"]
    if found is not None:
        gate = gate_table.gate_table(found["gate"])
        assert gate is not None
        shown = filters.linked(
            request, [dashboards.differences(gate, context["version"], "8-bit integers")]
        )
        if file := charts.asked(request, list(shown.values())):
            return file
        context |= {
            "charts": shown,
            "gate": gate,
            "graphs": found["graphs"],
            "agreement": exports.AGREEMENT,
            "objections": exports.objections(found),
            "unknown": [cell["value"] for cell in gate["cells"] if cell["finding"] == INSUFFICIENT],
        }
    return render(request, "audits/int8.html", context)


@require_safe
def graph(request: HttpRequest, sha256: str) -> FileResponse:
    """A model as browsers load it. Its address names its content, so it never changes."""
    path = exports.graph(sha256)
    if path is None:
        raise Http404
    response = FileResponse(path.open("rb"), content_type="application/octet-stream")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _worst(audit_set: AuditSet, thing: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sets side by side: the pictures that were compared, and what the model said of each."""
    if found["kind"] == "given":
        named = titles.group_titles()
        return [
            {
                "name": each["name"],
                "images": [
                    one
                    | {
                        "title": named.get((thing, one["value"]), ("", one["value"]))[1],
                        "address": pictures.address(audit_set, one["sha256"]),
                    }
                    for one in each["images"]
                ],
            }
            for each in found["worst"]
        ]
    return [
        {
            "name": f"Image {number}",
            "images": [
                each["before"]
                | {"title": "As it is", "address": pictures.address(audit_set, each["sha256"])},
                each["after"]
                | {
                    "title": thing.capitalize(),
                    "address": pictures.address(audit_set, each["sha256"], thing),
                },
            ],
        }
        for number, each in enumerate(found["worst"], start=1)
    ]


@require_safe
def slices(request: HttpRequest) -> HttpResponse:
    context = _asked(request, Kind.SLICES)
    audit, found = context["audit"], context["found"]
    if found is not None:
        regions = _regions(audit.audit_set, found)
        shown = filters.linked(request, [beyond.regions(regions)])
        if file := charts.asked(request, list(shown.values())):
            return file
        context |= {"charts": shown, "regions": regions}
    context["named"] = _named(context["chosen"], audit)
    return render(request, "audits/slices.html", context)


def _regions(audit_set: AuditSet, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = queries.audits.slice_groups(audit_set)
    title = {each.value.name: each.title for each in _standing(audit_set) if each.value}
    regions = []
    for number, region in enumerate(found):
        names = Counter(named[sha256] for sha256 in region["members"] if sha256 in named)
        mistakes = Counter((e["expected"], e["predicted"]) for e in region["exemplars"])
        regions.append(
            region
            | {
                "number": number,
                "title": f"Region {number + 1}",
                "images": len(region["members"]),
                "nameless": len(region["members"]) - sum(names.values()),
                "names": [(title[name], n) for name, n in names.most_common()],
                "difference": region["inside"]["rate"] - region["outside"]["rate"],
                "mistakes": mistakes.most_common(MISTAKES_SHOWN),
                "exemplars": [
                    each | {"address": pictures.address(audit_set, each["sha256"])}
                    for each in region["exemplars"]
                ],
            }
        )
        names_of = regions[-1]["names"]
        if len(names_of) == 1 and not regions[-1]["nameless"]:
            regions[-1]["title"] = names_of[0][0]
    return regions


def _standing(audit_set: AuditSet | None) -> list[NamedSlice]:
    found = NamedSlice.objects.filter(audit_set=audit_set, value__isnull=False)
    return list(found.select_related("value"))


def _named(audit_set: AuditSet | None, audit: Audit | None) -> list[dict[str, Any]]:
    """Every name that was given in a set, standing or not, and how the model does there."""
    found = NamedSlice.objects.filter(audit_set=audit_set).select_related(
        "value", "found_with", "named_by", "taken_back_by"
    )
    cells = audit.figures["groups"].get("slice", {}) if audit and audit.figures else {}
    return [
        {
            "slice": each,
            "images": len(each.images),
            "cell": cells.get(each.value.name) if each.value else None,
        }
        for each in found
    ]


@maintainer_required
@refusals_as_pages
@require_POST
def name_slice(request: HttpRequest) -> HttpResponse:
    found = Finding.objects.filter(kind=Kind.SLICES).select_related(
        "audit__model", "audit__audit_set"
    )
    posted = {name: request.POST.get(name, "") for name in ("finding", "region")}
    numbers = {name: int(said) if said.isdecimal() else -1 for name, said in posted.items()}
    finding = get_object_or_404(found, pk=numbers["finding"])
    named = maintaining.name_slice(
        finding=finding,
        region=numbers["region"],
        title=typed_text(request, "title"),
        by=signed_in_user(request),
    )
    messages.success(request, f"Named: {named}. Audits of this set are counted again.")
    return _back(Kind.SLICES, finding.audit)


@maintainer_required
@refusals_as_pages
@require_POST
def take_back_slice(request: HttpRequest, pk: int) -> HttpResponse:
    named = get_object_or_404(NamedSlice.objects.select_related("audit_set", "value"), pk=pk)
    maintaining.take_back_slice(named=named, by=signed_in_user(request))
    messages.success(request, f"Taken back: {named}. Audits of this set are counted again.")
    query = urlencode({"set": named.audit_set.name})
    return redirect(f"{reverse('slices')}?{query}")


@maintainer_required
@refusals_as_pages
@require_POST
def look_again(request: HttpRequest, pk: int) -> HttpResponse:
    found = Finding.objects.select_related("audit__model", "audit__audit_set")
    finding = get_object_or_404(found, pk=pk)
    maintaining.rerun_finding(finding=finding)
    return _back(finding.kind, finding.audit)


def _back(kind: str, audit: Audit) -> HttpResponse:
    query = urlencode({"set": audit.audit_set.name, "model": audit.model.version})
    return redirect(f"{reverse(kind)}?{query}")
