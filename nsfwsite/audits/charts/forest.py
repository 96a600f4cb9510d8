"""Forest plots: a rate and its interval for each group."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modeltrain import formatting
from modeltrain.formatting import interval, percent, points, points_interval
from nsfwsite.audits.charts.marks import SHARE_AXIS, dot, vertical_line
from nsfwsite.audits.charts.theme import WIDE, Colours, Draw, Spec

Cell = Mapping[str, Any]

SMALLEST_DOMAIN = 0.05  # so that a chart of tiny rates does not look like one of large ones
NAME_WIDTH, LABEL_WIDTH = 190, 220  # of a wide chart, left and right of the plot
PADDING = {"left": 28, "top": 8, "right": 44, "bottom": 8}  # labels may be wider than measured


def rate_label(cell: Cell) -> str:
    """Write a rate, its interval and its images as "98.4% (91.3% to 99.7%), n = 61"."""
    return _with_n(cell, f"{percent(cell['rate'])} ({interval(cell['low'], cell['high'])})")


def difference_label(cell: Cell) -> str:
    """Write a difference in percentage points as "+3.1 (+1.2 to +5.0), n = 61"."""
    return _with_n(cell, f"{points(cell['rate'])} ({points_interval(cell['low'], cell['high'])})")


def per_thousand_label(cell: Cell) -> str:
    """Write a share of 1,000 images as "12.3 (8 to 17.1)"."""
    rate, low, high = (formatting.per_thousand(cell[name]) for name in ("rate", "low", "high"))
    return _with_n(cell, f"{rate} ({low} to {high})")


def _with_n(cell: Cell, text: str) -> str:
    return f"{text}, n = {cell['n']:,}" if "n" in cell else text


def forest(
    cells: Sequence[Cell],
    *,
    x: str,
    signed: bool = False,
    margin: float | None = None,
    per_thousand: bool = False,
    reference: float | None = None,
    label: Callable[[Cell], str] | None = None,
) -> Draw:
    """Draw a dot and its interval for each of `cells`: `axis`, `value`, `rate`, `low`, `high`.

    `x` is the title of the scale. A signed plot shows differences and has a line at 0, and another
    one at the `margin`. The scale counts in percent, or in parts per thousand. A dashed line marks
    the `reference`. Beside each dot stand its figures, or what `label` makes of them.
    """
    words = label or (
        difference_label if signed else per_thousand_label if per_thousand else rate_label
    )

    def draw(colours: Colours, width: int) -> Spec:
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
        wide = width == WIDE
        padding = {**PADDING, "right": 16} if not wide else PADDING
        texts = NAME_WIDTH + LABEL_WIDTH if wide else 0
        plot_width = width - padding["left"] - padding["right"] - texts
        y = {
            "field": "value",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": NAME_WIDTH} if wide else None,
        }
        accent = {"value": colours["accent"]}
        below = {} if wide else {"yOffset": 16}
        layers: list[Spec] = [
            {
                "mark": {
                    "type": "rule",
                    "strokeWidth": 3,
                    "strokeCap": "round",
                    "opacity": 0.55,
                    **below,
                },
                "encoding": {
                    "x": {**x_rate, "field": "low"},
                    "x2": {"field": "high"},
                    "y": y,
                    "color": accent,
                },
            },
            {
                "mark": {**dot(90), **below},
                "encoding": {"x": {**x_rate, "field": "rate"}, "y": y, "color": accent},
            },
            *(
                [_text("label", y, x=plot_width + 12)]
                if wide
                else [
                    _text("value", y, dy=-14, fontWeight="bold", limit=plot_width),
                    _text("label", y, dy=1),
                ]
            ),
        ]
        if signed:
            layers.append(vertical_line(0.0, colours["quiet"], dashed=False))
        if signed and margin is not None:
            layers.append(vertical_line(margin, colours["alarm"], dashed=True))
        if reference is not None:
            layers.append(vertical_line(reference, colours["quiet"], dashed=True))
        return {
            "data": {"values": [{**cell, "label": words(cell)} for cell in cells]},
            "padding": padding,
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
            "spec": {
                "width": plot_width,
                "height": {"step": 24 if wide else 54},
                "layer": layers,
            },
        }

    return draw


def _text(field: str, y: Spec, *, x: float = 0, **mark: Any) -> Spec:
    """A layer that writes a field of each cell, `x` pixels right of the plot's left end."""
    return {
        "mark": {"type": "text", "align": "left", "baseline": "middle", "fontSize": 12, **mark},
        "encoding": {"x": {"value": x}, "y": y, "text": {"field": field}},
    }
