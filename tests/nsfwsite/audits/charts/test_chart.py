import csv
import io

import pytest
from django.urls import reverse


@pytest.mark.parametrize(
    ("page", "chart"),
    [
        (("audits", []), "trend"),
        (("model", ["v1"]), "groups"),
        (("model", ["v1"]), "confusion"),
        (("compare", []), "differences"),
        (("threshold", []), "false_alarm"),
    ],
)
def test_every_chart_comes_as_an_image_and_as_figures(client, two_models, page, chart) -> None:
    name, arguments = page
    url = reverse(name, args=arguments)
    svg = client.get(url, {"chart": chart, "as": "svg", "theme": "dark", "width": "narrow"})
    assert svg.content.startswith(b"<svg")
    assert "default-src 'none'" in svg.headers["Content-Security-Policy"]
    png = client.get(url, {"chart": chart, "as": "png"})
    assert png.content.startswith(b"\x89PNG")
    figures = client.get(url, {"chart": chart, "as": "json"}).json()
    rows = list(csv.reader(io.StringIO(client.get(url, {"chart": chart, "as": "csv"}).text)))
    assert len(rows) == len(figures["rows"]) + 1
    assert figures["title"]
    assert list(figures["rows"][0]) == rows[0]


@pytest.mark.parametrize("query", [{"chart": "x"}, {"chart": "trend", "as": "exe"}])
def test_an_unknown_chart_or_format_is_not_found(client, two_models, query) -> None:
    assert client.get(reverse("audits"), query).status_code == 404
