"""Power curves: the smallest rise that is noticed, against the number of images."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.marks import HEIGHT, SHARE_AXIS, legend, vertical_line
from nsfwsite.audits.charts.theme import Colours, Draw, Spec


def power_curves(steps: Sequence[Mapping[str, Any]], *, at: float, wanted: float) -> Draw:
    """Draw `rise` against `images`, a line for each `chance`.

    Dashed lines are at the images that there are, and at the rise that should be noticed.
    """

    def draw(colours: Colours, width: int) -> Spec:
        chance: Spec = {
            "field": "chance",
            "type": "nominal",
            "sort": None,
            "title": None,
            "legend": {**legend(width), "symbolType": "stroke"},
        }
        return {
            "data": {"values": list(steps)},
            "width": width - 60,
            "height": HEIGHT,
            "layer": [
                {
                    "mark": {"type": "line", "strokeWidth": 2},
                    "encoding": {
                        "x": {
                            "field": "images",
                            "type": "quantitative",
                            "title": "independent images",
                            "scale": {"type": "log"},
                            "axis": {"format": ",d", "tickCount": 4, "labelOverlap": True},
                        },
                        "y": {
                            "field": "rise",
                            "type": "quantitative",
                            "axis": SHARE_AXIS,
                            "title": "smallest rise that is noticed",
                        },
                        "color": chance,
                        "strokeDash": chance,
                    },
                },
                vertical_line(at, colours["alarm"], dashed=True),
                {
                    "mark": {"type": "rule", "color": colours["quiet"], "strokeDash": [4, 3]},
                    "encoding": {"y": {"datum": wanted, "type": "quantitative"}},
                },
            ],
        }

    return draw
