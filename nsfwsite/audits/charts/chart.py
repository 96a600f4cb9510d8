"""A chart: what it says, its figures, and the files it comes as."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import urlencode

from modeltrain import formatting
from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE, Draw, Spec, config

VEGA_LITE = "v6.4"
DAY = 24 * 3600
CONTENT_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


@dataclass(frozen=True)
class FigureSource:
    """What a page's figures are from, and the part of its address that finds them again.

    Attributes
    ----------
    sentence : str
        Such as "Model v1 on the 645 images of the audit set demo, 29 November 2026".
    query : mapping
        The filters of the page, with those that visitors left to their defaults.
    """

    sentence: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """What a chart says, and how it is drawn.

    Attributes
    ----------
    name : str
        In addresses.
    title : str
        Its finding, in a sentence.
    summary : str
        The same for people who cannot see the chart.
    columns, rows
        Its figures.
    draw : callable
        Takes a theme's colours and a width in pixels, returns a Vega-Lite specification.
    shown
        The rows of the table on the page, where they differ from those of the downloads.
    heads
        The heads of its columns, where they differ.
    table_title : str
        What the table on the page is called.
    detail : str
        The figure that its finding rests on, with range and images.
    source : FigureSource
        What its figures are from.
    links : dict
        Addresses of its images and downloads; `page` and `image` are absolute and permanent.
    """

    name: str
    title: str
    summary: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    draw: Draw
    shown: Sequence[Sequence[Any]] | None = None
    heads: Sequence[str] = ()
    table_title: str = "The same figures as a table"
    detail: str = ""
    source: FigureSource = FigureSource()
    links: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> list[list[str]]:
        """Its rows as people read them: shares as percentages."""
        rows = self.rows if self.shown is None else self.shown
        return [[_text(value) for value in row] for row in rows]

    @property
    def quote(self) -> str:
        """What it says, for people who quote it: finding, range, images, model and date."""
        parts = (self.title, self.detail, self.source.sentence)
        return " ".join(f"{part.rstrip('.')}." for part in parts if part)

    def linked(self, request: HttpRequest, source: FigureSource) -> "Chart":
        """Return it with its source and `links` for this page."""
        chart = replace(self, source=source, links={})
        page = request.build_absolute_uri(request.path)
        permanent = urlencode(source.query)
        image = urlencode({**source.query, "chart": self.name, "as": "png"})
        chart.links["page"] = f"{page}{'?' * bool(permanent)}{permanent}#{self.name}"
        chart.links["image"] = f"{page}?{image}"
        for variant in (*CONTENT_TYPES, "narrow", "dark", "narrow_dark"):
            parameters = request.GET.copy()
            parameters["chart"] = self.name
            parameters["as"] = variant if variant in CONTENT_TYPES else "svg"
            if "narrow" in variant:
                parameters["width"] = "narrow"
            if "dark" in variant:
                parameters["theme"] = "dark"
            chart.links[variant] = f"?{parameters.urlencode()}"
        return chart

    def file(self, file_format: str, *, theme: str, narrow: bool) -> bytes:
        """Return it as `svg`, `png`, `csv` or `json`."""
        if file_format == "csv":
            lines = io.StringIO()
            csv.writer(lines).writerows([self.columns, *self.rows])
            return lines.getvalue().encode()
        if file_format == "json":
            rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
            content = {"title": self.title, "summary": self.summary, "rows": rows}
            return json.dumps(content, indent=2, ensure_ascii=False).encode()
        width = NARROW if narrow else WIDE
        spec = {"config": config(theme), **self.draw(THEMES[theme], width)}
        digest = hashlib.sha256(json.dumps([file_format, spec], sort_keys=True).encode())
        key = f"chart-{digest.hexdigest()}"
        image: bytes | None = cache.get(key)
        if image is None:
            image = _render(spec, file_format)
            cache.set(key, image, DAY)
        return image


def _text(value: Any) -> str:
    if value is None:
        return "not enough images"
    if isinstance(value, float):
        return formatting.percent(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _render(spec: Spec, file_format: str) -> bytes:
    import vl_convert  # starts a JavaScript engine

    if file_format == "png":
        return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=2))
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)).encode()


def requested_file(request: HttpRequest, charts: Sequence[Chart]) -> HttpResponse | None:
    """Return the file that an address names with `chart` and `as`; None where it names none.

    Raises
    ------
    Http404
        Where the page has no such chart, or not in that format.
    """
    name = request.GET.get("chart")
    if name is None:
        return None
    chart = next((chart for chart in charts if chart.name == name), None)
    file_format, theme = request.GET.get("as", "svg"), request.GET.get("theme", "light")
    if chart is None or file_format not in CONTENT_TYPES or theme not in THEMES:
        raise Http404
    data = chart.file(file_format, theme=theme, narrow=request.GET.get("width") == "narrow")
    response = HttpResponse(data, content_type=CONTENT_TYPES[file_format])
    response.headers["Cache-Control"] = "public, max-age=300"
    disposition = "inline" if file_format == "svg" else "attachment"
    response.headers["Content-Disposition"] = f'{disposition}; filename="{name}.{file_format}"'
    if file_format == "svg":  # opened by itself it is a document: nothing in it may run or load
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'"
        )
    return response
