"""What every model gets wrong, and for whom, in public."""

import json

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import Audit, AuditSet, DatasetVersion, ModelVersion
from feedback.services import audit_sets, audits
from modeltrain import labels
from nsfwsite.access import refusals_as_pages
from nsfwsite.audits import cards, charts, dashboards, filters
from nsfwsite.tables import audit_tables, gate_table

UNDER_WAY = (Audit.Status.WAITING, Audit.Status.RUNNING)
AXES = {"overall": "All images", "class": "Right label"}


def _axes(audit: Audit | None, *, first: dict[str, str]) -> dict[str, str]:
    """The axes that an audit speaks of, and what they are called."""
    known = {axis.name: axis.title for axis in queries.groups.axes()}
    groups = audit.figures["groups"] if audit and audit.figures else {}
    return first | {axis: known.get(axis, axis) for axis in groups}


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    used, chosen, done = filters.audits(request)
    champion = next((a for a in done if a.model.status == ModelVersion.Status.CHAMPION), None)
    axes = _axes(champion, first=AXES)
    axis = filters.choice(request, "axis", list(axes), "overall")
    shown = filters.linked(request, [dashboards.trend(done, axis)])
    if file := charts.asked(request, list(shown.values())):
        return file
    context = {
        "champion": champion,
        "worst": dashboards.worst(champion.figures or {}) if champion else None,
        "short": dashboards.short_of_images(champion.figures or {}) if champion else [],
        "audits": done,
        "axes": axes,
        "axis": axis,
        "charts": shown,
        "sets": AuditSet.objects.order_by("-pk"),
        "used": used,
        "chosen": chosen,
    }
    return render(request, "audits/overview.html", context)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    found = ModelVersion.objects.select_related("retrain__decided_by", "parent").prefetch_related(
        Prefetch("audits", Audit.objects.defer("pairs"))
    )
    return render(request, "audits/models.html", {"models": found})


@require_safe
def model(request: HttpRequest, version: str) -> HttpResponse:
    found = queries.models.model_of(version)
    if found is None:
        raise Http404
    audit = queries.audits.audit_of(found)
    under_way = audit is not None and audit.status in UNDER_WAY
    if getattr(request, "htmx", False):
        return _news(request, audit)
    retrain = queries.models.retrain_of(found)
    done = audit.figures if audit and audit.status == Audit.Status.DONE else None
    measure = filters.choice(request, "measure", list(audit_tables.MEASURES), "error")
    made = [dashboards.forest(done, measure), dashboards.confusion(done)] if done else []
    shown = filters.linked(request, made)
    if file := charts.asked(request, list(shown.values())):
        return file
    if audit and done and request.GET.get("figures") == "json":
        name = f'attachment; filename="audit-{found.version}.json"'
        data = json.dumps(audit.all_figures, indent=2, ensure_ascii=False)
        return HttpResponse(
            data, content_type="application/json", headers={"Content-Disposition": name}
        )
    context = {
        "model": found,
        "audit": audit,
        "under_way": under_way,
        "retrain": retrain,
        "gate": gate_table.gate_table(retrain.gate if retrain else None),
        "figures": done,
        "sections": audit_tables.sections(done) if done else [],
        "pairs": audit_tables.pairs(audit.pairs, done["minimum"]) if audit and done else [],
        "measures": audit_tables.MEASURES,
        "measure": measure,
        "charts": shown,
    }
    response = render(request, "audits/model.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    if under_way:
        response.headers["Cache-Control"] = "no-store"
    return response


def _news(request: HttpRequest, audit: Audit | None) -> HttpResponse:
    """A fragment while it runs; the whole page again once it does not."""
    if audit is None or audit.status not in UNDER_WAY:
        return HttpResponse(headers={"HX-Refresh": "true"})
    response = render(request, "audits/running.html", {"audit": audit, "model": audit.model})
    response.headers["Cache-Control"] = "no-store"
    return response


def _card(text: str, name: str) -> HttpResponse:
    how = {"Content-Disposition": f'attachment; filename="{name}.md"'}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=how)


@require_safe
def model_card(request: HttpRequest, version: str) -> HttpResponse:
    found = queries.models.model_of(version)
    if found is None:
        raise Http404
    return _card(cards.model_card(found), f"model-{found.version}")


@require_safe
def dataset_card(request: HttpRequest, number: int) -> HttpResponse:
    found = get_object_or_404(DatasetVersion, number=number)
    return _card(cards.dataset_card(found), f"dataset-{found.number}")


@require_safe
@refusals_as_pages
def compare(request: HttpRequest) -> HttpResponse:
    """Any two models on the same images, judged as the gate would."""
    used, chosen, found = filters.audits(request)
    done = {audit.model.version: audit for audit in found}
    versions = list(done)
    context: dict[str, object] = {"versions": versions, "used": used, "chosen": chosen}
    if len(versions) > 1:
        before = filters.choice(request, "before", versions, versions[1])
        after = filters.choice(request, "after", versions, versions[0])
        judged = gate_table.gate_table(audits.compare(before=done[before], after=done[after]))
        assert judged is not None
        shown = filters.linked(request, [dashboards.differences(judged, before, after)])
        if file := charts.asked(request, list(shown.values())):
            return file
        context |= {"before": before, "after": after, "gate": judged, "charts": shown}
    return render(request, "audits/compare.html", context)


@require_safe
def threshold(request: HttpRequest) -> HttpResponse:
    """Move the score from which on an image is called NSFW, and see who is hit."""
    used, chosen, audited = filters.audits(request)
    done = {audit.model.version: audit for audit in audited}
    if not done:
        return render(request, "audits/threshold.html", {"versions": []})
    champion = next(
        (v for v, a in done.items() if a.model.status == ModelVersion.Status.CHAMPION),
        next(iter(done)),
    )
    version = filters.choice(request, "model", list(done), champion)
    axes = _axes(done[version], first=AXES)
    axis = filters.choice(request, "axis", list(axes), next(iter(axes)))
    said = request.GET.get("at", "")
    at = int(said) if said.isdecimal() and 1 <= int(said) <= 99 else 50
    found = done[version].figures or {}
    made = {side: dashboards.threshold(found, axis, side, at) for side in dashboards.SIDES}
    shown = filters.linked(request, list(made.values()))
    if file := charts.asked(request, list(shown.values())):
        return file
    sides = [
        {
            "title": title,
            "chart": shown.get(side),
            "shares": dashboards.shares_at(found, axis, side, at),
        }
        for side, (_, title) in dashboards.SIDES.items()
    ]
    context = {
        "used": used,
        "chosen": chosen,
        "versions": list(done),
        "version": version,
        "axes": axes,
        "axis": axis,
        "at": at,
        "sides": sides,
        "figures": found,
    }
    return render(request, "audits/threshold.html", context)


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """What the gate asks for, as it is shipped."""
    from modeltrain.gate.policy import Policy

    known = Policy.load()
    if request.GET.get("as") == "json":
        return JsonResponse(known.as_dict(), json_dumps_params={"indent": 2})
    context = {"policy": known, "warnings": known.warnings(), "axes": AXES}
    return render(request, "audits/policy.html", context)


@require_safe
def yours(request: HttpRequest) -> HttpResponse:
    """A visitor's own images, counted in their browser; nothing of them comes here."""
    context = {
        "labels": labels.LABELS,
        "explicit": [label for label in labels.LABELS if label in labels.NSFW],
        "minimum": audit_sets.MINIMUM,
    }
    return render(request, "audits/yours.html", context)


@require_safe
def how(request: HttpRequest) -> HttpResponse:
    return render(request, "audits/how.html")
