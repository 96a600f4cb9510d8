"""How charts look: sizes, colours, type."""

from collections.abc import Callable, Mapping
from typing import Any

Spec = dict[str, Any]  # a Vega-Lite specification, or a part of one
Colours = Mapping[str, str]
Draw = Callable[[Colours, int], Spec]  # takes a theme's colours and a width in pixels

WIDE, NARROW = 640, 330
THEMES: Mapping[str, Colours] = {
    "light": {
        "ink": "#1c2730",
        "quiet": "#54626c",
        "line": "#dcd8cd",
        "card": "#fffefb",
        "accent": "#0e6663",
        "alarm": "#9d3d12",
    },
    "dark": {
        "ink": "#e6ebee",
        "quiet": "#a5b1ba",
        "line": "#34404a",
        "card": "#1a2229",
        "accent": "#66c9bf",
        "alarm": "#f4a27a",
    },
}
# Okabe and Ito's colours, which people who see colours differently tell apart.
SERIES = {
    "light": ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07a00", "#56b4e9"],
    "dark": ["#56b4e9", "#e69f00", "#2fcf9f", "#e6a5c8", "#f0e442", "#ff8a4c"],
}


def config(theme: str) -> Spec:
    """The configuration that every chart of a theme shares."""
    colours = THEMES[theme]
    return {
        "background": colours["card"],
        "font": "system-ui, sans-serif",
        "padding": {"left": 28, "top": 8, "right": 16, "bottom": 8},  # fonts differ in width
        "view": {"stroke": None},
        "axis": {
            "labelColor": colours["ink"],
            "titleColor": colours["quiet"],
            "gridColor": colours["line"],
            "domainColor": colours["line"],
            "tickColor": colours["line"],
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 190,
        },
        "legend": {"labelColor": colours["ink"], "labelFontSize": 12, "orient": "top"},
        "header": {"labelColor": colours["ink"], "labelFontSize": 13, "labelFontWeight": "bold"},
        "text": {"color": colours["ink"]},
        "range": {"category": SERIES[theme]},
    }
