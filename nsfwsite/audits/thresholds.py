"""For whoever runs a filter: what a threshold does to each group, at a mix of their own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.services import audits
from nsfwsite.access import refusals_as_pages
from nsfwsite.audits import filters, threshold_charts
from nsfwsite.audits.charts.chart import requested_file
from nsfwsite.tables.titles import BUILT_IN_AXES, Titles, load_titles

Figures = Mapping[str, Any]
Groups = Mapping[str, Figures]  # a group's figures by its title
Missing = tuple[str, str]  # what stands in a table instead of a figure, and why


@dataclass(frozen=True)
class Use:
    """What the address says about how the model is used."""

    at: int = 50  # hundredths of the NSFW score
    explicit: float = 5.0  # percent of all images
    limit: float = 2.0  # percent of safe images that may be false alarms

    @classmethod
    def of(cls, request: HttpRequest) -> "Use":
        at = request.GET.get("at", "")
        level = int(at) if at.isdecimal() and len(at) < 3 else 0
        explicit, limit = _number(request, "explicit"), _number(request, "limit")
        return cls(
            at=level if level in threshold_charts.THRESHOLDS else cls.at,
            explicit=explicit if 0 <= explicit <= 100 else cls.explicit,
            limit=limit if 0 < limit < 100 else cls.limit,
        )


def _number(request: HttpRequest, name: str) -> float:
    """A number of the address; one that no rule allows where there is none."""
    try:
        number = float(request.GET.get(name, ""))
    except ValueError:
        return -1.0
    return number if math.isfinite(number) else -1.0


@require_safe
@refusals_as_pages
def show(request: HttpRequest) -> HttpResponse:
    """Move the score from which an image is called NSFW, and see whom it hits."""
    chosen = filters.chosen_audits(request)
    if not chosen.by_version:
        return render(request, "audits/threshold.html", {"versions": []})
    version = chosen.version(request)
    audit, titles, use = chosen.by_version[version], load_titles(), Use.of(request)
    axes = filters.axes_of(audit, titles)
    axis = filters.choice(request, "axis", list(axes), "overall")
    figures = audits.at_operating_point(
        audit=audit,
        axis=axis,
        threshold=use.at,
        explicit_share=use.explicit / 100,
        limit=use.limit / 100,
    )
    if request.GET.get("figures") == "json":
        return JsonResponse(figures, json_dumps_params={"indent": 2})
    minimum = figures["minimum"]
    groups = _titled(figures["groups"], axis, titles)
    share = figures["explicit_share"]
    charts = filters.by_name(
        request,
        [
            threshold_charts.at_mix(groups, explicit_share=share, minimum=minimum),
            threshold_charts.by_threshold(groups, "false_alarm", at=use.at, minimum=minimum),
            threshold_charts.by_threshold(groups, "miss", at=use.at, minimum=minimum),
            threshold_charts.roc(groups, at=use.at, minimum=minimum),
            threshold_charts.precision(groups, at=use.at, explicit_share=share, minimum=minimum),
            threshold_charts.reliability_chart(figures["reliability"], explicit_share=share),
        ],
        filters.source_of(
            audit,
            model=version,
            axis=axis,
            at=str(use.at),
            explicit=f"{use.explicit:g}",
            limit=f"{use.limit:g}",
        ),
    )
    if file := requested_file(request, list(charts.values())):
        return file
    context = {
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
        "versions": list(chosen.by_version),
        "version": version,
        "axes": axes,
        "axis": axis,
        "use": use,
        "explicit": f"{use.explicit:g}",
        "limit": f"{use.limit:g}",
        "at": use.at,
        "share": share,
        "charts": charts,
        "figures": figures,
        "groups": _group_rows(figures, groups, axis, titles),
        "chosen": [_choice(choice, axis, titles, share, minimum) for choice in figures["chosen"]],
        "promise": _promise(figures["promise"], axis, titles, share, minimum),
        "json": _query(request, figures="json"),
    }
    return render(request, "audits/threshold.html", context)


def _titled(groups: Groups, axis: str, titles: Titles) -> dict[str, Figures]:
    return {_title(axis, name, titles): cell for name, cell in groups.items()}


def _title(axis: str, name: str, titles: Titles) -> str:
    return BUILT_IN_AXES["overall"] if axis == "overall" else titles.group(axis, name)


def _query(request: HttpRequest, **parameters: str) -> str:
    query = request.GET.copy()
    for name, value in parameters.items():
        query[name] = value
    return f"?{query.urlencode()}"


def _row(cell: Figures, explicit_share: float, minimum: int) -> dict[str, Any]:
    """A group's figures for tables: each is a figure with a range, or says what is missing."""
    missing = {
        "safe": _missing(cell["false_alarm"], "safe", minimum),
        "explicit": _missing(cell["miss"], "explicit", minimum),
    }
    needed = {
        "safe": missing["safe"] if explicit_share < 1 else None,
        "explicit": missing["explicit"] if explicit_share > 0 else None,
    }
    mixed = cell["at_mix"]
    row: dict[str, Any] = {
        "false_alarm": cell["false_alarm"] | {"enough": not missing["safe"]},
        "miss": cell["miss"] | {"enough": not missing["explicit"]},
        "false_alarms": _estimate(mixed["false_alarms"], needed["safe"]),
        "misses": _estimate(mixed["misses"], needed["explicit"]),
    }
    both = needed["safe"] or needed["explicit"]
    row["mistakes"] = _estimate(mixed["mistakes"], both)
    row["precision"] = _estimate(mixed["precision"], both, reason="nothing is flagged")
    if "area" in cell:
        either = missing["safe"] or missing["explicit"]
        row["area"] = _estimate(cell["area"], either)
        calibration = cell["calibration"]
        row["calibration"] = _estimate(
            calibration and {**calibration, "value": calibration["error"]}, both
        )
        row["own_threshold"] = cell["own_threshold"] if not missing["safe"] else None
    return row


def _missing(rate: Figures, side: str, minimum: int) -> Missing | None:
    """What a rate lacks; None if nothing."""
    n, different = rate["n"], rate["clusters"]
    if n == 0:
        return "not known", f"no {side} images"
    if different >= minimum:
        return None
    return "not enough images", f"{n} {side}" + (f", {different} different" * (different < n))


def _estimate(
    estimate: Figures | None, missing: Missing | None, *, reason: str = ""
) -> dict[str, Any]:
    if missing or estimate is None:
        text, detail = missing or ("not known", reason)
        return {"missing": text, "detail": detail}
    return dict(estimate)


def _group_rows(
    figures: Figures, groups: Groups, axis: str, titles: Titles
) -> list[dict[str, Any]]:
    risks = _titled(figures["promise"]["groups"], axis, titles)
    rows = []
    for title, cell in groups.items():
        row = _row(cell, figures["explicit_share"], figures["minimum"])
        risk = risks.get(title)
        row["no_false_alarms"] = risk is None
        row["promised_threshold"] = risk and risk["own_threshold"]
        rows.append({"title": title, **row})
    return rows


def _choice(
    choice: Figures, axis: str, titles: Titles, explicit_share: float, minimum: int
) -> dict[str, Any]:
    if choice["threshold"] is None:
        return dict(choice)
    cells = [
        ("The half that chose it", choice["first_half"]),
        (BUILT_IN_AXES["overall"], choice["second_half"]),
    ]
    if axis != "overall":
        cells += _titled(choice["groups"], axis, titles).items()
    rows = [{"title": title, **_row(cell, explicit_share, minimum)} for title, cell in cells]
    return {"rule": choice["rule"], "threshold": choice["threshold"], "rows": rows}


def _promise(
    promise: Figures, axis: str, titles: Titles, explicit_share: float, minimum: int
) -> dict[str, Any]:
    groups = _titled(promise["groups"], axis, titles)
    rows = [{"title": title, **cell} for title, cell in groups.items()]
    price = promise["all_images"]
    return {
        "threshold": promise["threshold"],
        "rows": rows,
        "short": [row for row in rows if row["more"]],
        "hopeless": [row for row in rows if row["more"] is None],
        "price": price and _row(price, explicit_share, minimum),
    }
