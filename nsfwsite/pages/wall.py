"""Many reports at once: alike ones side by side, selected and decided together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.errors import Invalid, Refusal
from feedback.models import Decision, Example, ExampleScore, Report
from feedback.models.decision import REASONS
from feedback.services import triage
from modeltrain import labels
from nsfwsite.access import (
    form_page,
    reviewer_required,
    signed_in_user,
    typed_text,
    with_invalid_form,
    with_refusal,
)
from nsfwsite.pages.case import warn_about_undecided

MOST = 200  # reports shown, and selected at once
LAST_DECIDED = "last-decided"  # in the session
ORDERS = {"oldest": "Oldest first", "unsure": "Where the model was least sure"}


@dataclass
class Tiles:
    """Reports on which the model said one label, and whose reporters say another one."""

    predicted: str
    expected: str
    reports: list[Report] = field(default_factory=list)


@never_cache
@reviewer_required
@form_page
def show(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    outcome = request.POST.get("outcome", "")
    if outcome not in (Decision.Outcome.ACCEPTED, Decision.Outcome.REJECTED):
        return with_invalid_form(_page(request))
    try:
        selected = _selected(request)
        results = triage.decide_together(
            report=selected[0],
            near_duplicates=selected[1:],
            outcome=outcome,
            by=signed_in_user(request),
            label=request.POST.get("label", ""),
            because=request.POST.get("because", ""),
            reason=typed_text(request, "reason"),
        )
    except Refusal as refusal:
        return with_refusal(_page(request, refusal), refusal)
    _tell(request, results)
    return redirect(request.get_full_path())


@never_cache
@reviewer_required
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the decisions that this person took last on the wall."""
    pks = request.session.pop(LAST_DECIDED, [])
    refusals = []
    for report in Report.objects.filter(pk__in=pks):
        try:
            triage.undo(report=report, by=signed_in_user(request))
        except Refusal as refusal:
            refusals.append(f"Report {report.pk} stays decided. {refusal}")
    for words in refusals:
        messages.warning(request, words)
    # A golden copy is gone once it is answered. Nobody is to know which report was one.
    if undone := len(pks) - len(refusals):
        messages.success(request, f"{_reports(undone)} can be decided again.")
    return redirect("wall")


def _selected(request: HttpRequest) -> list[Report]:
    pks = [pk for pk in request.POST.getlist("report") if pk.isdecimal() and len(pk) < 19]
    reports = list(Report.objects.filter(pk__in=pks[: MOST + 1]).order_by("created_at", "pk"))
    if not 0 < len(reports) <= MOST:
        raise Invalid(
            rule=f"A selection has 1 to {MOST} reports that can still be decided.",
            received=f"{len(reports)}",
            remedy="Nothing was decided. Select others.",
        )
    return reports


def _tell(request: HttpRequest, results: Mapping[Report, Decision | Refusal]) -> None:
    """Say what became of the selection, and remember it for `undo`."""
    decided = {
        report.pk: result for report, result in results.items() if isinstance(result, Decision)
    }
    request.session[LAST_DECIDED] = list(decided)
    if settled := sum(decision.settled_at is not None for decision in decided.values()):
        first = next(iter(decided.values()))
        words = f"accepted as {first.label}" if first.label else first.outcome
        messages.success(request, f"{_reports(settled)} {words}.")
    if waiting := len(decided) - settled:
        messages.success(request, f"{_reports(waiting)} wait for another reviewer.")
    warn_about_undecided(request, results)


def _reports(count: int) -> str:
    return f"{count} report{'s' * (count != 1)}"


def _page(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    chosen = {
        name: value
        for name in ("predicted", "expected")
        if (value := request.GET.get(name, "")) in labels.LABELS
    }
    order = request.GET.get("order", "")
    cases = queries.triage.open_cases(signed_in_user(request)).filter(
        Exists(Example.objects.filter(report=OuterRef("pk")))
    )
    if "expected" in chosen:
        cases = cases.filter(expected_label=chosen["expected"])
    if "predicted" in chosen:
        first = ExampleScore.objects.filter(example__report=OuterRef("pk"))
        label = Subquery(first.order_by("example__position", "pk").values("label")[:1])
        cases = cases.annotate(predicted=label).filter(predicted=chosen["predicted"])
    groups = _tiles(cases[:MOST])
    if order == "unsure":
        for tiles in groups:
            tiles.reports.sort(key=_confidence)
    context = {
        "groups": groups,
        "count": cases.count(),
        "shown": MOST,
        "labels": labels.LABELS,
        "chosen": chosen,
        "orders": ORDERS,
        "order": order if order in ORDERS else "oldest",
        "reasons": REASONS,
        "refusal": refusal,
        "selected": request.POST.getlist("report") if refusal else [],
        "undoable": len(request.session.get(LAST_DECIDED, [])),
    }
    return render(request, "pages/wall.html", context)


def _tiles(reports: Iterable[Report]) -> list[Tiles]:
    """Group reports, the largest group first; near-duplicates stand next to each other."""
    groups: dict[tuple[str, str], Tiles] = {}
    for report in reports:
        key = (report.examples.all()[0].reported_score.label, report.expected_label)
        groups.setdefault(key, Tiles(*key)).reports.append(report)
    for tiles in groups.values():
        first_of_cluster: dict[Any, int] = {}
        for position, report in enumerate(tiles.reports):
            first_of_cluster.setdefault(_cluster(report), position)
        tiles.reports.sort(key=lambda report: first_of_cluster[_cluster(report)])
    return sorted(groups.values(), key=lambda tiles: -len(tiles.reports))


def _cluster(report: Report) -> Any:
    image = report.examples.all()[0].image
    return (image and image.cluster) or f"report {report.pk}"


def _confidence(report: Report) -> float:
    return float(max(report.examples.all()[0].reported_score.scores.values()))
