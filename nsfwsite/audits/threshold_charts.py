"""What a threshold does to each group, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from modeltrain.formatting import per_thousand, percent
from nsfwsite.audits.charts.chart import Chart
from nsfwsite.audits.charts.curves import curves, reliability
from nsfwsite.audits.charts.forest import forest, per_thousand_label, rate_label
from nsfwsite.audits.charts.threshold import threshold_curves
from nsfwsite.audits.error_rates import MAX_LINES
from nsfwsite.tables.gate_table import MEASURES

Figures = Mapping[str, Any]
Groups = Mapping[str, Figures]  # a group's figures by its title

SIDES = {"false_alarm": "safe", "miss": "explicit"}  # which images of a curve it can happen to
THRESHOLDS = range(1, 100)  # hundredths
ALL_THRESHOLDS = range(102)  # with those that flag everything and nothing
EVERY_TENTH = "Every tenth threshold as a table"


def _some(groups: Groups, minimum: int, *sides: str) -> dict[str, Figures]:
    """As many groups as lines can be told apart, of those with enough images of each side."""
    enough = {
        group: figures
        for group, figures in groups.items()
        if all(figures["curve"][side]["clusters"] >= max(minimum, 1) for side in sides)
    }
    return dict(list(enough.items())[:MAX_LINES])


def by_threshold(groups: Groups, mistake: str, *, at: int, minimum: int) -> Chart | None:
    """How each group's share of one kind of mistake moves with the threshold."""
    side, title = SIDES[mistake], MEASURES[mistake]
    some = _some(groups, minimum, side)
    if not some:
        return None
    steps = [
        {"group": group, "threshold": level, **_mistake(figures["curve"][side], mistake, level)}
        for group, figures in some.items()
        for level in THRESHOLDS
    ]
    details = [
        f"{group} {rate_label(_mistake(figures['curve'][side], mistake, at))}"
        for group, figures in some.items()
    ]
    shares = ", ".join(
        f"{group} {percent(_mistake(figures['curve'][side], mistake, at)['rate'])}"
        for group, figures in some.items()
    )
    return Chart(
        name=mistake,
        title=f"{title} by threshold",
        summary=f"{title} at {at}: {shares}. Shares for thresholds from 1 to 99.",
        columns=["group", "threshold", "rate", "low", "high", "images"],
        rows=[list(step.values()) for step in steps],
        draw=threshold_curves(steps, at=at, title=title.lower()),
        detail=f"From {at} on, {', '.join(details)}",
        shown=_every_tenth(steps),
        table_title=EVERY_TENTH,
    )


def _every_tenth(steps: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [list(step.values()) for step in steps if step["threshold"] % 10 == 0]


def _mistake(curve: Figures, mistake: str, level: int) -> dict[str, Any]:
    rate, low, high = (curve[name][level] for name in ("rate", "low", "high"))
    if mistake == "miss":
        rate, low, high = 1 - rate, 1 - high, 1 - low
    return {"rate": rate, "low": low, "high": high, "n": curve["n"]}


def at_mix(groups: Groups, *, explicit_share: float, minimum: int) -> Chart | None:
    """False alarms and misses as shares of all images of a mix."""
    cells = [
        {"axis": MEASURES[mistake], "value": group}
        | {"rate": estimate["value"], "low": estimate["low"], "high": estimate["high"]}
        for mistake in SIDES
        for group, figures in groups.items()
        if figures[mistake]["clusters"] >= max(minimum, 1)
        for estimate in [figures["at_mix"][f"{mistake}s" if mistake != "miss" else "misses"]]
    ]
    if not cells:
        return None
    counts = ", ".join(
        f"{cell['value']} {per_thousand(cell['rate'])} {cell['axis'].lower()}" for cell in cells
    )
    title = f"Of 1,000 images, {per_thousand(explicit_share)} of them explicit"
    return Chart(
        name="mix",
        title=title,
        summary=f"{title}: {counts}.",
        columns=["mistake", "group", "share of all images", "low", "high"],
        rows=[list(cell.values()) for cell in cells],
        draw=forest(cells, x="of 1,000 images", per_thousand=True),
        detail=f"{cells[0]['axis']}, {cells[0]['value']}: {per_thousand_label(cells[0])}",
    )


def roc(groups: Groups, *, at: int, minimum: int) -> Chart | None:
    """Explicit images caught against false alarms, for each group with images of both sides."""
    some = _some(groups, minimum, "safe", "explicit")
    if not some:
        return None
    steps, bands = [], []
    for group, figures in some.items():
        safe, explicit = figures["curve"]["safe"], figures["curve"]["explicit"]
        for level in ALL_THRESHOLDS:
            sides = {
                f"{name}{end}": curve[key][level]
                for name, curve in (("x", safe), ("y", explicit))
                for end, key in (("", "rate"), ("_low", "low"), ("_high", "high"))
            }
            steps.append({"group": group, "threshold": level, **sides})
        own = steps[-len(ALL_THRESHOLDS) :]
        above = [(step["x_low"], step["y_high"]) for step in own]
        below = [(step["x_high"], step["y_low"]) for step in own]
        bands += _area(group, above, below)
    title = "Explicit images caught, against false alarms"
    areas = ", ".join(f"{group} {figures['area']['value']:.3f}" for group, figures in some.items())
    return Chart(
        name="roc",
        title=title,
        summary=f"{title}, for every threshold. Area under the curve: {areas}.",
        columns=[
            *("group", "threshold", "false alarms", "false alarms low", "false alarms high"),
            *("caught", "caught low", "caught high"),
        ],
        rows=[list(step.values()) for step in steps],
        draw=curves(steps, bands, x="false alarms", y="caught", at=at),
        shown=_every_tenth(steps),
        table_title=EVERY_TENTH,
    )


def precision(groups: Groups, *, at: int, explicit_share: float, minimum: int) -> Chart | None:
    """The share of explicit images among the flagged ones, against the share that is caught."""
    from modeltrain.audit import mix

    some = _some(groups, minimum, "safe", "explicit")
    if not some or not 0 < explicit_share < 1:
        return None
    steps, bands = [], []
    for group, figures in some.items():
        safe, explicit = figures["curve"]["safe"], figures["curve"]["explicit"]
        own = []
        for level in ALL_THRESHOLDS:
            flagged, caught = (
                {name: curve[name][level] for name in ("rate", "low", "high")}
                for curve in (safe, explicit)
            )
            estimate = mix.precision(flagged, caught, explicit_share)
            if estimate is not None:
                own.append(
                    {"group": group, "threshold": level, "x": caught["rate"]}
                    | {"y": estimate["value"], "low": estimate["low"], "high": estimate["high"]}
                )
        steps += own
        above = [(step["x"], step["high"]) for step in own]
        bands += _area(group, above, [(step["x"], step["low"]) for step in own])
    title = f"Explicit images among the flagged ones, where {percent(explicit_share)} are explicit"
    return Chart(
        name="precision",
        title=title,
        summary=f"{title}, against the share of explicit images that is caught.",
        columns=["group", "threshold", "caught", "explicit among flagged", "low", "high"],
        rows=[list(step.values()) for step in steps],
        draw=curves(steps, bands, x="caught", y="explicit among flagged", at=at),
        shown=_every_tenth(steps),
        table_title=EVERY_TENTH,
    )


Points = Sequence[tuple[float, float]]


def _area(group: str, above: Points, below: Points) -> list[dict[str, Any]]:
    """The corners of an area: along one side, and back along the other."""
    corners = [*above, *reversed(below)]
    return [
        {"group": group, "order": order, "x": x, "y": y} for order, (x, y) in enumerate(corners)
    ]


def reliability_chart(bins: Sequence[Figures], *, explicit_share: float) -> Chart | None:
    """How many images with a score are explicit, of all images of the mix."""
    if not bins:
        return None
    cells = [
        {"score": cell["score"], "share": cell["explicit"]["value"]}
        | {"low": cell["explicit"]["low"], "high": cell["explicit"]["high"], "n": cell["n"]}
        for cell in bins
    ]
    title = f"Scores, and how many such images are explicit where {percent(explicit_share)} are"
    return Chart(
        name="calibration",
        title=title,
        summary=f"{title}: {len(cells)} ranges of scores of all images.",
        columns=["mean score", "explicit", "low", "high", "images"],
        rows=[list(cell.values()) for cell in cells],
        draw=reliability(cells, x="NSFW score", y="explicit"),
    )
