"""Counterfactuals: does the answer change when an image differs in one thing alone?"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.models import AuditSet, Finding
from modeltrain.formatting import interval, percent, points
from modeltrain.images.perturbations import name_of
from nsfwsite.audits import filters, images
from nsfwsite.audits.charts.chart import Chart, requested_file
from nsfwsite.audits.charts.forest import difference_label, forest, rate_label
from nsfwsite.audits.findings import finding_context
from nsfwsite.tables.titles import Titles, load_titles

Comparison = Mapping[str, Any]
Comparisons = Mapping[str, Comparison]  # by axis or by change

MADE_CHANGES = "Made changes"


@require_safe
def counterfactual(request: HttpRequest) -> HttpResponse:
    context = finding_context(request, Finding.Kind.COUNTERFACTUAL)
    comparisons: Comparisons | None = context["figures"]
    if comparisons is not None:
        minimum, titles = context["audit"].figures["minimum"], load_titles()
        charts = filters.by_name(
            request,
            [
                flips_chart(comparisons, minimum, titles),
                shifts_chart(comparisons, minimum, titles),
            ],
            context["source"],
        )
        if file := requested_file(request, list(charts.values())):
            return file
        names = comparison_titles(comparisons, titles)
        shown = filters.choice(request, "show", list(names), next(iter(names), ""))
        context |= {
            "charts": charts,
            "has_given_sets": any(map(is_given, comparisons.values())),
            "short": too_few(comparisons, minimum, titles),
            "comparisons": names,
            "shown": shown,
            "shows_made_change": shown and not is_given(comparisons[shown]),
            "worst": _farthest_apart(context["audit"].audit_set, shown, comparisons[shown], titles)
            if shown
            else [],
        }
    return render(request, "audits/counterfactual.html", context)


def is_given(comparison: Comparison) -> bool:
    """Are these sets that people drew, and not copies that software changed?"""
    return bool(comparison["kind"] == "given")


def change_title(change: str) -> str:
    name = name_of(change)
    return name[0].upper() + name[1:]


def comparison_titles(comparisons: Comparisons, titles: Titles) -> dict[str, str]:
    """What was compared, and what it is called: axes of given sets, then made changes."""
    given = {
        name: titles.axis(name) for name, comparison in comparisons.items() if is_given(comparison)
    }
    return given | {name: change_title(name) for name in comparisons if name not in given}


def too_few(comparisons: Comparisons, minimum: int, titles: Titles) -> list[str]:
    """What was compared on too few images or sets to say anything."""
    names = comparison_titles(comparisons, titles)
    return [
        f"{names[name]} ({comparison['flips']['clusters']})"
        for name, comparison in comparisons.items()
        if comparison["flips"]["clusters"] < minimum
    ]


def flips_chart(comparisons: Comparisons, minimum: int, titles: Titles) -> Chart | None:
    """How frequently the label changes with one thing."""
    cells = [
        {
            "axis": "Given sets, differing in" if is_given(comparisons[name]) else MADE_CHANGES,
            "value": title,
            **{
                key: comparisons[name]["flips"][key]
                for key in ("rate", "low", "high", "count", "n")
            },
        }
        for name, title in comparison_titles(comparisons, titles).items()
        if comparisons[name]["flips"]["clusters"] >= minimum
    ]
    if not cells:
        return None
    highest = max(cells, key=lambda cell: cell["rate"])
    title = (
        f"{highest['value']}: the label changes in {percent(highest['rate'])} of {highest['n']}, "
        "the most"
        if highest["rate"]
        else "The label never changes"
    )
    return Chart(
        name="flips",
        title=title,
        summary=f"{title}, {interval(highest['low'], highest['high'])}. "
        f"{len(cells)} comparisons are drawn.",
        columns=["kind", "what differs", "flip rate", "low", "high", "flips", "compared"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(cells, x="share in which the label changes"),
        detail=f"{highest['value']}: {rate_label(highest)}",
    )


def shifts_chart(comparisons: Comparisons, minimum: int, titles: Titles) -> Chart | None:
    """How far the NSFW score moves with one thing."""
    names = comparison_titles(comparisons, titles)
    shifts = []
    for name, comparison in comparisons.items():
        if comparison["flips"]["clusters"] < minimum:
            continue
        if is_given(comparison):
            shifts += [
                (names[name], titles.group(name, group), shift)
                for group, shift in comparison["values"].items()
            ]
        else:
            shifts.append((MADE_CHANGES, names[name], comparison["shift"]))
    cells = [
        {
            "axis": axis,
            "value": value,
            "rate": shift["shift"],
            **{key: shift[key] for key in ("low", "high", "n")},
        }
        for axis, value, shift in shifts
        if shift.get("clusters", shift["n"]) >= minimum and shift["low"] is not None
    ]
    if not cells:
        return None
    largest = max(cells, key=lambda cell: abs(cell["rate"]))
    title = (
        f"{largest['value']}: the NSFW score moves by {points(largest['rate'])} points, the most"
    )
    return Chart(
        name="shifts",
        title=title,
        summary=f"{title}, {points(largest['low'])} points to {points(largest['high'])} points. "
        "Right of 0 the model sees more NSFW than in the counterparts.",
        columns=["what differs", "value", "shift", "low", "high", "compared"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(cells, x="shift of the NSFW score", signed=True),
        detail=f"{largest['value']}: {difference_label(largest)}",
    )


def _farthest_apart(
    audit_set: AuditSet, name: str, comparison: Comparison, titles: Titles
) -> list[dict[str, Any]]:
    """Sets side by side: the images that were compared, and what the model said of each."""
    if is_given(comparison):
        return [
            {
                "name": image_set["name"],
                "images": [
                    image
                    | {
                        "title": titles.group(name, image["value"]),
                        "address": images.address(audit_set, image["sha256"]),
                    }
                    for image in image_set["images"]
                ],
            }
            for image_set in comparison["worst"]
        ]
    return [
        {
            "name": f"Image {number}",
            "images": [
                pair["before"]
                | {"title": "As it is", "address": images.address(audit_set, pair["sha256"])},
                pair["after"]
                | {
                    "title": change_title(name).capitalize(),
                    "address": images.address(audit_set, pair["sha256"], name),
                },
            ],
        }
        for number, pair in enumerate(comparison["worst"], start=1)
    ]
