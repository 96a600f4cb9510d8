"""What every model gets wrong, and for whom, in public."""

import json

from django.conf import settings
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.models import Audit, DatasetVersion, ModelVersion
from feedback.services import audits, confirmations, wear
from feedback.services.gaps import open_gaps
from modeltrain import labels
from modeltrain.audit.minimum import MINIMUM_IMAGES
from nsfwsite.access import refusals_as_pages, wants_fragment
from nsfwsite.audits import cards, error_rates, filters
from nsfwsite.audits.charts.chart import FigureSource, requested_file
from nsfwsite.audits.open_gaps import gaps_chart, notes
from nsfwsite.shared_pages import shared_page
from nsfwsite.tables import audit_tables
from nsfwsite.tables.gate_table import gate_table, retrain_gate
from nsfwsite.tables.titles import load_titles

UNDER_WAY = (Audit.Status.WAITING, Audit.Status.RUNNING)


@require_safe
@shared_page
def overview(request: HttpRequest) -> HttpResponse:
    chosen, titles = filters.chosen_audits(request), load_titles()
    all_audits, champion = list(chosen.by_version.values()), chosen.champion
    axes = filters.axes_of(champion, titles)
    if len(all_audits) == 1:  # the cards say how it does on all images
        del axes["overall"]
    axis = filters.choice(request, "axis", list(axes), next(iter(axes)))
    gaps_open = open_gaps()
    charts = filters.by_name(
        request,
        [gaps_chart(gaps_open, titles), error_rates.trend_chart(all_audits, axis, titles)],
        filters.source_of(all_audits[0], axis=axis) if all_audits else FigureSource(),
    )
    if file := requested_file(request, list(charts.values())):
        return file
    audit_sets = wear.decisions_by_set()
    confirmation_sets = [audit_set for audit_set in audit_sets if audit_set.confirmation]
    context: dict[str, object] = {
        "open_gaps": notes(gaps_open, titles),
        "champion": champion,
        "audits": all_audits,
        "axes": axes,
        "axis": axis,
        "charts": charts,
        "audit_sets": audit_sets,
        "confirmation_set": next(iter(confirmation_sets), None),
        "worn_from": settings.AUDIT_SET_WORN,
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
    }
    if champion and champion.figures:
        context["cards"] = error_rates.headline_cards(champion.figures, titles)
        context["short"] = error_rates.groups_short_of_images(champion.figures, titles)
    return render(request, "audits/overview.html", context)


@require_safe
@shared_page
def models(request: HttpRequest) -> HttpResponse:
    versions = ModelVersion.objects.select_related(
        "retrain__decided_by", "parent"
    ).prefetch_related(Prefetch("audits", queries.audits.public_audits().defer("pairs")))
    context = {"models": versions, "open_gaps": notes(open_gaps(), load_titles())}
    return render(request, "audits/models.html", context)


@require_safe
def model(request: HttpRequest, version: str) -> HttpResponse:
    model = _model_or_404(version)
    audit = queries.audits.audit_of(model, request.GET.get("set", ""))
    under_way = audit is not None and audit.status in UNDER_WAY
    if wants_fragment(request):
        return _audit_progress(request, audit)
    figures = audit.figures if audit and audit.status == Audit.Status.DONE else None
    if audit and figures and request.GET.get("figures") == "json":
        content = json.dumps(audit.all_figures, indent=2, ensure_ascii=False)
        return _download(content, "application/json", f"audit-{model.version}.json")
    titles = load_titles()
    measure = filters.choice(request, "measure", list(audit_tables.MEASURES), "error")
    charts = {}
    if audit and figures:
        rates = error_rates.rates_chart(figures, measure, titles)
        source = filters.source_of(audit, measure=measure)
        charts = filters.by_name(request, [rates, error_rates.confusion_chart(figures)], source)
    if file := requested_file(request, list(charts.values())):
        return file
    retrain = queries.models.retrain_of(model)
    in_service = model.status == ModelVersion.Status.CHAMPION
    confirmation = confirmations.current_confirmation(retrain) if retrain else None
    confirmed = confirmation.gate if confirmation else None
    context = {
        "model": model,
        "open_gaps": notes(open_gaps(), titles) if in_service else [],
        "audit": audit,
        "under_way": under_way,
        "retrain": retrain,
        "gate": retrain_gate(retrain, titles) if retrain else None,
        "confirmation": confirmation,
        "confirmation_table": gate_table(confirmed, titles) if confirmed else None,
        "figures": figures,
        "measures": audit_tables.MEASURES,
        "measure": measure,
        "charts": charts,
    }
    if audit and figures:
        context["cards"] = error_rates.headline_cards(figures, titles)
        context["sections"] = audit_tables.sections(figures, titles, not_stated=True)
        context["pairs"] = audit_tables.pairs(audit.pairs, figures["minimum"], titles)
    response = render(request, "audits/model.html", context)
    response.headers["Vary"] = "HX-Request, Cookie"
    if under_way:
        response.headers["Cache-Control"] = "no-store"
    return response


def _model_or_404(version: str) -> ModelVersion:
    model = queries.models.model_of(version)
    if model is None:
        raise Http404
    return model


def _audit_progress(request: HttpRequest, audit: Audit | None) -> HttpResponse:
    """A fragment while the audit runs; then the whole page again."""
    if audit is None or audit.status not in UNDER_WAY:
        return HttpResponse(headers={"HX-Refresh": "true"})
    response = render(request, "audits/running.html", {"audit": audit, "model": audit.model})
    response.headers["Cache-Control"] = "no-store"
    return response


def _download(content: str, content_type: str, name: str) -> HttpResponse:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=disposition)


@require_safe
def model_card(request: HttpRequest, version: str) -> HttpResponse:
    model = _model_or_404(version)
    return _download(cards.model_card(model), cards.CONTENT_TYPE, f"model-{model.version}.md")


@require_safe
def dataset_card(request: HttpRequest, number: int) -> HttpResponse:
    dataset = get_object_or_404(DatasetVersion, number=number)
    return _download(cards.dataset_card(dataset), cards.CONTENT_TYPE, f"dataset-{number}.md")


@require_safe
@refusals_as_pages
def compare(request: HttpRequest) -> HttpResponse:
    """Any two models on the same images, judged as the gate would."""
    chosen = filters.chosen_audits(request)
    audit_by_version, versions = chosen.by_version, list(chosen.by_version)
    context: dict[str, object] = {
        "versions": versions,
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
    }
    if len(versions) > 1:
        before = filters.choice(request, "before", versions, versions[1])
        after = filters.choice(request, "after", versions, versions[0])
        result = audits.compare(before=audit_by_version[before], after=audit_by_version[after])
        gate = gate_table(
            result,
            load_titles(),
            before=before,
            audit_set=chosen.audit_set.name if chosen.audit_set else "",
        )
        differences = error_rates.differences_chart(gate, before, after)
        source = filters.source_of(
            audit_by_version[after],
            models=f"Models {before} and {after}",
            before=before,
            after=after,
        )
        charts = filters.by_name(request, [differences], source)
        if file := requested_file(request, list(charts.values())):
            return file
        context |= {"before": before, "after": after, "gate": gate, "charts": charts}
    return render(request, "audits/compare.html", context)


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """What the gate asks for, as it is shipped."""
    from modeltrain.gate.policy import Policy

    policy = Policy.load()
    if request.GET.get("as") == "json":
        return JsonResponse(policy.as_dict(), json_dumps_params={"indent": 2})
    return render(request, "audits/policy.html", {"policy": policy, "warnings": policy.warnings()})


@require_safe
def private_audit(request: HttpRequest) -> HttpResponse:
    """A visitor's own images, counted in their browser; nothing of them comes here."""
    context = {
        "labels": labels.LABELS,
        "explicit": [label for label in labels.LABELS if label in labels.NSFW],
        "minimum": MINIMUM_IMAGES,
    }
    return render(request, "audits/private_audit.html", context)


@require_safe
@shared_page
def how(request: HttpRequest) -> HttpResponse:
    return render(request, "audits/how.html")
