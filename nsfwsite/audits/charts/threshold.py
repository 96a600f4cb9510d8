"""Threshold curves: a share against the score from which an image is called NSFW."""

from collections.abc import Mapping, Sequence
from typing import Any

from nsfwsite.audits.charts.marks import (
    COLOUR_BY_GROUP,
    HEIGHT,
    SHARE_AXIS,
    legend,
    vertical_line,
)
from nsfwsite.audits.charts.theme import Colours, Draw, Spec


def threshold_curves(steps: Sequence[Mapping[str, Any]], *, at: int, title: str) -> Draw:
    """Draw `rate` against `threshold`, a line for each `group`, and the threshold chosen."""

    def draw(colours: Colours, width: int) -> Spec:
        line_by_group = {**COLOUR_BY_GROUP, "legend": {**legend(width), "symbolType": "stroke"}}
        return {
            "data": {"values": list(steps)},
            "width": width - 60,
            "height": HEIGHT,
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
                    "encoding": {
                        "x": {
                            "field": "threshold",
                            "type": "quantitative",
                            "title": "called NSFW from this score on",
                            "scale": {"domain": [0, 100]},
                        },
                        "y": {
                            "field": "rate",
                            "type": "quantitative",
                            "axis": SHARE_AXIS,
                            "title": title,
                        },
                        "color": line_by_group,
                        "strokeDash": line_by_group,
                    },
                },
                vertical_line(at, colours["alarm"], dashed=True),
            ],
        }

    return draw
