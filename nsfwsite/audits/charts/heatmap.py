"""Heat maps of a confusion matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.theme import WIDE, Colours, Draw, Spec


def heatmap(cells: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Draw:
    """Draw `count` by `expected` and `predicted` label, coloured by its `share` of the row."""

    def draw(colours: Colours, width: int) -> Spec:
        label_axis = {"type": "nominal", "sort": list(labels)}
        size = min(420, width - 110)
        return {
            "data": {"values": list(cells)},
            "width": size,
            "height": size * 0.7,
            "encoding": {
                "x": {
                    **label_axis,
                    "field": "predicted",
                    "title": "the model said",
                    "axis": {"labelAngle": 0 if width == WIDE else -45, "orient": "top"},
                },
                "y": {**label_axis, "field": "expected", "title": "it is"},
            },
            "layer": [
                {
                    "mark": {"type": "rect", "stroke": colours["line"]},
                    "encoding": {
                        "color": {
                            "field": "share",
                            "type": "quantitative",
                            "legend": None,
                            "scale": {
                                "domain": [0, 1],
                                "range": [colours["card"], colours["accent"]],
                            },
                        }
                    },
                },
                {
                    "mark": {"type": "text", "fontSize": 13},
                    "encoding": {
                        "text": {"field": "count", "type": "quantitative", "format": ","},
                        "color": {
                            "condition": {
                                "test": "datum.share > 0.5",
                                "value": colours["card"],
                            },
                            "value": colours["ink"],
                        },
                    },
                },
            ],
        }

    return draw
