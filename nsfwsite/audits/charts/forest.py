"""Forest plots: a rate and its interval for each group."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.marks import SHARE_AXIS, dot, vertical_line
from nsfwsite.audits.charts.theme import WIDE, Colours, Draw, Spec

SMALLEST_DOMAIN = 0.05  # so that a chart of tiny rates does not look like one of large ones


def forest(
    cells: Sequence[Mapping[str, Any]],
    *,
    x: str,
    signed: bool = False,
    margin: float | None = None,
    per_thousand: bool = False,
) -> Draw:
    """Draw a dot and its interval for each of `cells`: `axis`, `value`, `rate`, `low`, `high`.

    `x` is the title of the scale. A signed plot shows differences and has a line at 0, and another
    one at the `margin`. The scale counts in percent, or in parts per thousand.
    """

    def draw(colours: Colours, width: int) -> Spec:
        label_width = 190 if width == WIDE else 110
        highs, lows = [cell["high"] for cell in cells], [cell["low"] for cell in cells]
        highest = max([SMALLEST_DOMAIN, *highs, *([margin * 1.1] if margin else [])])
        axis = {**SHARE_AXIS, "format": "+.0%"} if signed else SHARE_AXIS
        if per_thousand:
            axis = {**SHARE_AXIS, "labelExpr": "format(datum.value * 1000, ',')"}
        x_rate = {
            "type": "quantitative",
            "title": x,
            "axis": axis,
            "scale": {"domain": [min([0.0, *lows]) if signed else 0, highest], "nice": True},
        }
        y = {
            "field": "value",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": label_width},
        }
        accent = {"value": colours["accent"]}
        layers: list[Spec] = [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round", "opacity": 0.55},
                "encoding": {
                    "x": {**x_rate, "field": "low"},
                    "x2": {"field": "high"},
                    "y": y,
                    "color": accent,
                },
            },
            {
                "mark": dot(90),
                "encoding": {"x": {**x_rate, "field": "rate"}, "y": y, "color": accent},
            },
        ]
        if signed:
            layers.append(vertical_line(0.0, colours["quiet"], dashed=False))
        if signed and margin is not None:
            layers.append(vertical_line(margin, colours["alarm"], dashed=True))
        return {
            "data": {"values": list(cells)},
            "spacing": 14,
            "facet": {
                "row": {
                    "field": "axis",
                    "sort": list(dict.fromkeys(cell["axis"] for cell in cells)),
                    "title": None,
                    "header": {
                        "labelAngle": 0,
                        "labelAlign": "left",
                        "labelAnchor": "start",
                        "labelOrient": "top",
                    },
                }
            },
            "resolve": {"scale": {"y": "independent"}},
            "spec": {"width": width - label_width, "height": {"step": 24}, "layer": layers},
        }

    return draw
