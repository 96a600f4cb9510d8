"""Trends: how each group did under each version."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.marks import COLOUR_BY_GROUP, HEIGHT, SHARE_AXIS, dot, legend
from nsfwsite.audits.charts.theme import Colours, Draw, Spec


def trend(cells: Sequence[Mapping[str, Any]]) -> Draw:
    """Draw an error rate and its interval for each `version` and `group`."""

    def draw(colours: Colours, width: int) -> Spec:
        x = {
            "field": "version",
            "type": "ordinal",
            "sort": list(dict.fromkeys(cell["version"] for cell in cells)),
            "title": None,
            "axis": {"labelAngle": 0, "labelOverlap": True},
        }
        y = {"type": "quantitative", "axis": SHARE_AXIS, "title": "wrong", "scale": {"zero": True}}
        with_legend = {**COLOUR_BY_GROUP, "legend": legend(width)}
        return {
            "data": {"values": list(cells)},
            "width": width - 60,
            "height": HEIGHT,
            "encoding": {
                "x": x,
                "xOffset": {"field": "group", "sort": None},
            },
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.6},
                    "encoding": {
                        "y": {**y, "field": "low"},
                        "y2": {"field": "high"},
                        "stroke": {**COLOUR_BY_GROUP, "legend": None},
                    },
                },
                {
                    "mark": dot(80),
                    "encoding": {
                        "y": {**y, "field": "rate"},
                        "color": with_legend,
                        "shape": with_legend,
                    },
                },
            ],
        }

    return draw
