"""How charts look: sizes, colours, type."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Spec = dict[str, Any]  # a Vega-Lite specification, or a part of one
Colours = Mapping[str, str]
Draw = Callable[[Colours, int], Spec]  # takes a theme's colours and a width in pixels

WIDE, NARROW = 880, 330
# The styles of the pages take their colours from the same file.
STATIC = Path(__file__).resolve().parents[2] / "static"
PALETTE = json.loads((STATIC / "src" / "palette.json").read_text())
THEMES: Mapping[str, Colours] = {theme: PALETTE[theme] for theme in ("light", "dark")}
# Okabe and Ito's colours, which people who see colours differently tell apart.
SERIES: Mapping[str, list[str]] = PALETTE["series"]


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
