"""Shares against one another: curves over all thresholds with their bands, and reliability."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.marks import SHARE_AXIS, dot
from nsfwsite.audits.charts.theme import NARROW, WIDE, Colours, Draw, Spec

SQUARE = 340
COLUMNS = {WIDE: 3, NARROW: 2}  # where there are several panels


def curves(
    steps: Sequence[Mapping[str, Any]],
    bands: Sequence[Mapping[str, Any]],
    *,
    x: str,
    y: str,
    at: int,
) -> Draw:
    """Draw `y` against `x` in a panel for each `group` of `steps`, and a dot at threshold `at`.

    `bands` are the corners of an area for each `group`, in their `order`. `x` and `y` are titles.
    """
    points = [{**step, "part": "line", "order": step["threshold"]} for step in steps]
    corners = [{**corner, "part": "band"} for corner in bands]
    groups = list(dict.fromkeys(step["group"] for step in steps))

    def draw(colours: Colours, width: int) -> Spec:
        columns = min(len(groups), COLUMNS[width])
        size = min((width - 80 - 30 * columns) // columns, SQUARE)
        order = {"field": "order", "type": "quantitative"}
        encoding = {"x": _share("x", x), "y": _share("y", y), "order": order}
        layers = [
            {
                "transform": [{"filter": "datum.part == 'band'"}],
                "mark": {"type": "line", "strokeWidth": 0, "fillOpacity": 0.2},
                "encoding": {**encoding, "fill": {"value": colours["accent"]}},
            },
            {
                "transform": [{"filter": "datum.part == 'line'"}],
                "mark": {"type": "line", "strokeWidth": 2, "color": colours["accent"]},
                "encoding": encoding,
            },
            {
                "transform": [{"filter": f"datum.part == 'line' && datum.threshold == {at}"}],
                "mark": {**dot(80), "color": colours["alarm"]},
                "encoding": encoding,
            },
        ]
        panel = {"width": size, "height": size, "layer": layers}
        header = {"labelFontSize": 12, "labelAnchor": "start"}
        return {
            "data": {"values": points + corners},
            "columns": columns,
            "facet": {"field": "group", "type": "nominal", "sort": groups, "title": None}
            | {"header": header},
            "spacing": 20,
            "spec": panel,
        }

    return draw


def reliability(bins: Sequence[Mapping[str, Any]], *, x: str, y: str) -> Draw:
    """Draw `share`, with `low` and `high`, against `score`, and where they would be equal."""

    def draw(colours: Colours, width: int) -> Spec:
        x_score, y_share = _share("score", x), _share("share", y)
        ends = [{"score": end, "share": end} for end in (0, 1)]
        accent = {"value": colours["accent"]}
        return {
            "data": {"values": list(bins)},
            "width": min(width - 70, SQUARE),
            "height": min(width - 70, SQUARE),
            "layer": [
                {
                    "data": {"values": ends},
                    "mark": {"type": "line", "color": colours["quiet"], "strokeDash": [4, 3]},
                    "encoding": {"x": x_score, "y": y_share},
                },
                {
                    "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.55},
                    "encoding": {
                        "x": x_score,
                        "y": {**y_share, "field": "low"},
                        "y2": {"field": "high"},
                        "color": accent,
                    },
                },
                {"mark": dot(80), "encoding": {"x": x_score, "y": y_share, "color": accent}},
            ],
        }

    return draw


def _share(field: str, title: str) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": SHARE_AXIS,
        "scale": {"domain": [0, 1]},
    }
