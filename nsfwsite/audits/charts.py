"""Charts: one Vega-Lite specification each, drawn on the server, with its figures as a table."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, QueryDict

Spec = dict[str, Any]

VEGA_LITE = "v6.4"
DAY = 24 * 3600
WIDE, NARROW = 640, 330
THEMES: Mapping[str, Mapping[str, str]] = {
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
HUES = {
    "light": ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07a00", "#56b4e9"],
    "dark": ["#56b4e9", "#e69f00", "#2fcf9f", "#e6a5c8", "#f0e442", "#ff8a4c"],
}
TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


@dataclass(frozen=True)
class Chart:
    """What one chart says, and how it is drawn.

    Attributes
    ----------
    name : str
        In addresses.
    title : str
        What it found, in a sentence.
    summary : str
        The same without looking.
    columns, rows
        Its figures.
    draw : callable
        Takes a theme's colours and a width in pixels, returns a Vega-Lite specification.
    """

    name: str
    title: str
    summary: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    draw: Callable[[Mapping[str, str], int], Spec]
    links: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> list[list[str]]:
        """Its rows as people read them: shares as percentages."""
        return [[_said(value) for value in row] for row in self.rows]

    def linked(self, query: QueryDict) -> "Chart":
        """Fill `links`: addresses of its pictures and downloads, on the page of this query."""
        for how in (*TYPES, "narrow", "dark", "narrow_dark"):
            said = query.copy()
            said["chart"] = self.name
            said["as"] = how if how in TYPES else "svg"
            if "narrow" in how:
                said["width"] = "narrow"
            if "dark" in how:
                said["theme"] = "dark"
            self.links[how] = f"?{said.urlencode()}"
        return self

    def file(self, how: str, *, theme: str, narrow: bool) -> bytes:
        """Return it as `svg`, `png`, `csv` or `json`."""
        if how == "csv":
            out = io.StringIO()
            csv.writer(out).writerows([self.columns, *self.rows])
            return out.getvalue().encode()
        if how == "json":
            rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
            said = {"title": self.title, "summary": self.summary, "rows": rows}
            return json.dumps(said, indent=2, ensure_ascii=False).encode()
        colours = THEMES[theme]
        spec = {"config": _config(theme), **self.draw(colours, NARROW if narrow else WIDE)}
        name = hashlib.sha256(json.dumps([how, spec], sort_keys=True).encode()).hexdigest()
        key = f"chart-{name}"
        drawn: bytes | None = cache.get(key)
        if drawn is None:
            drawn = _drawn(spec, how)
            cache.set(key, drawn, DAY)
        return drawn


def _said(value: Any) -> str:
    if value is None:
        return "insufficient data"
    if isinstance(value, float):
        return f"{value * 100:.1f} %".replace("-", "−")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _drawn(spec: Spec, how: str) -> bytes:
    import vl_convert  # starts a JavaScript engine

    if how == "png":
        return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=2))
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)).encode()


def _config(theme: str) -> Spec:
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
        "range": {"category": HUES[theme]},
    }


def asked(request: HttpRequest, charts: Sequence[Chart]) -> HttpResponse | None:
    """Return the file that an address asks for with `chart` and `as`; None where it asks for none.

    Raises
    ------
    Http404
        Where the page has no such chart, or not as that.
    """
    name = request.GET.get("chart")
    if name is None:
        return None
    chart = next((each for each in charts if each.name == name), None)
    how, theme = request.GET.get("as", "svg"), request.GET.get("theme", "light")
    if chart is None or how not in TYPES or theme not in THEMES:
        raise Http404
    data = chart.file(how, theme=theme, narrow=request.GET.get("width") == "narrow")
    response = HttpResponse(data, content_type=TYPES[how])
    response.headers["Cache-Control"] = "public, max-age=300"
    kind = "inline" if how == "svg" else "attachment"
    response.headers["Content-Disposition"] = f'{kind}; filename="{name}.{how}"'
    if how == "svg":  # opened by itself it is a document: nothing in it may run or load
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'"
        )
    return response


SHARE = {"format": ".0%", "tickCount": 4, "labelOverlap": True}


def forest(
    points: Sequence[Mapping[str, Any]],
    *,
    x: str,
    signed: bool = False,
    margin: float | None = None,
) -> Callable[[Mapping[str, str], int], Spec]:
    """Draw a dot and its range for each of `points`: `axis`, `value`, `rate`, `low`, `high`."""

    def draw(colours: Mapping[str, str], width: int) -> Spec:
        axes = list(dict.fromkeys(point["axis"] for point in points))
        highs = [point["high"] for point in points]
        lows = [point["low"] for point in points]
        top = max([0.05, *highs, *([margin * 1.1] if margin else [])])
        scale = {"domain": [min([0.0, *lows]) if signed else 0, top], "nice": True}
        quantitative = {
            "type": "quantitative",
            "title": x,
            "axis": {**SHARE, "format": "+.0%"} if signed else SHARE,
            "scale": scale,
        }
        labels = 190 if width == WIDE else 110
        y = {
            "field": "value",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": labels},
        }
        tone = {"value": colours["accent"]}
        layers: list[Spec] = [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round", "opacity": 0.55},
                "encoding": {
                    "x": {**quantitative, "field": "low"},
                    "x2": {"field": "high"},
                    "y": y,
                    "color": tone,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"x": {**quantitative, "field": "rate"}, "y": y, "color": tone},
            },
        ]
        for at, dash, colour in ((0.0, [1, 0], "quiet"), (margin, [4, 3], "alarm")):
            if signed and at is not None:
                mark = {"type": "rule", "color": colours[colour], "strokeDash": dash}
                layers.append(
                    {"mark": mark, "encoding": {"x": {"datum": at, "type": "quantitative"}}}
                )
        return {
            "data": {"values": list(points)},
            "spacing": 14,
            "facet": {
                "row": {
                    "field": "axis",
                    "sort": axes,
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
                "width": width - labels,
                "height": {"step": 24},
                "layer": layers,
            },
        }

    return draw


def trend(points: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, str], int], Spec]:
    """Draw each version's error rate with its range, a line for each `group`."""

    def draw(colours: Mapping[str, str], width: int) -> Spec:
        versions = list(dict.fromkeys(point["version"] for point in points))
        x = {
            "field": "version",
            "type": "ordinal",
            "sort": versions,
            "title": None,
            "axis": {"labelAngle": 0, "labelOverlap": True},
        }
        y = {"type": "quantitative", "axis": SHARE, "title": "wrong", "scale": {"zero": True}}
        colour = {"field": "group", "type": "nominal", "sort": None, "title": None}
        legend = {"columns": 3 if width == WIDE else 2}
        return {
            "data": {"values": list(points)},
            "width": width - 60,
            "height": 240,
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
                        "stroke": {**colour, "legend": None},
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                    "encoding": {
                        "y": {**y, "field": "rate"},
                        "color": {**colour, "legend": legend},
                        "shape": {**colour, "legend": legend},
                    },
                },
            ],
        }

    return draw


def thresholds(
    points: Sequence[Mapping[str, Any]], *, at: int, title: str
) -> Callable[[Mapping[str, str], int], Spec]:
    """Draw a share against the threshold, a line for each `group`, and the threshold chosen."""

    def draw(colours: Mapping[str, str], width: int) -> Spec:
        colour = {"field": "group", "type": "nominal", "sort": None, "title": None}
        legend = {"columns": 3 if width == WIDE else 2, "symbolType": "stroke"}
        return {
            "data": {"values": list(points)},
            "width": width - 60,
            "height": 240,
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
                            "axis": SHARE,
                            "title": title,
                        },
                        "color": {**colour, "legend": legend},
                        "strokeDash": {**colour, "legend": legend},
                    },
                },
                {
                    "mark": {"type": "rule", "color": colours["alarm"], "strokeDash": [4, 3]},
                    "encoding": {"x": {"datum": at, "type": "quantitative"}},
                },
            ],
        }

    return draw


def heatmap(
    cells: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> Callable[[Mapping[str, str], int], Spec]:
    """Draw counts by expected label (`is`) and answer (`said`), coloured by `share` of its row."""

    def draw(colours: Mapping[str, str], width: int) -> Spec:
        each = {"type": "nominal", "sort": list(labels)}
        size = min(420, width - 110)
        return {
            "data": {"values": list(cells)},
            "width": size,
            "height": size * 0.7,
            "encoding": {
                "x": {
                    **each,
                    "field": "said",
                    "title": "the model said",
                    "axis": {"labelAngle": 0 if width == WIDE else -45, "orient": "top"},
                },
                "y": {**each, "field": "is", "title": "it is"},
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
