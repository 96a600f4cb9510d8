import csv
import html
import io
import re

import pytest
from django.urls import reverse

from feedback.models import AuditSet
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers


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


def test_a_figure_can_be_quoted_with_its_range_images_model_date_and_address(
    client, two_models
) -> None:
    page = client.get(reverse("model", args=["v1"]), {"measure": "false_alarm"})
    chart = page.context["charts"]["groups"]
    assert "All images: 15.2% (" in chart.quote
    assert "n = 264. Model v1 on the 264 images of the audit set demo, " in chart.quote
    address = chart.links["page"]
    assert address == "http://testserver/models/v1/?set=demo&measure=false_alarm#groups"
    text = page.content.decode()
    assert f'href="{address.replace("&", "&amp;")}"' in text
    assert 'data-copy="quote-groups"' in text
    assert client.get(address).context["charts"]["groups"].title == chart.title


def test_an_address_with_a_set_stays_with_it_when_a_newer_one_comes(client, two_models) -> None:
    newer = AuditSet.objects.create(name="newer", manifest_sha256="f" * 64, images=264)
    finished_audit(two_models[0], newer, answers(20, alarms=10))
    address = reverse("model", args=["v1"])
    sets = [
        client.get(address, query).context["audit"].audit_set.name
        for query in ({}, {"set": "demo"}, {"set": "unknown"})
    ]
    assert sets == ["newer", "demo", "newer"]


@pytest.mark.parametrize("page", [("model", ["v1"]), ("compare", []), ("threshold", [])])
def test_a_link_is_previewed_with_the_chart(client, two_models, page) -> None:
    name, arguments = page
    text = client.get(reverse(name, args=arguments)).content.decode()
    image = html.unescape(re.findall('og:image" content="([^"]+)"', text)[0])
    assert image.startswith("http://testserver/")
    assert client.get(image).headers["Content-Type"] == "image/png"
    assert '<meta name="description" content="' in text


@pytest.mark.parametrize("query", [{"chart": "x"}, {"chart": "trend", "as": "exe"}])
def test_an_unknown_chart_or_format_is_not_found(client, two_models, query) -> None:
    assert client.get(reverse("audits"), query).status_code == 404
