"""The page that shows how far each group of an axis is from the others."""

import csv
import io
import json
from dataclasses import replace

import pytest
from django.urls import reverse

from feedback.models import AuditSet
from modeltrain.gate.policy import Policy
from tests.cast import finished_audit
from tests.modeltrain.gate.images import DRAWINGS, PORN, images
from tests.nsfwsite.audits.examples import page_text


def tones(**wrong: int) -> list:
    """100 images of each tone, of which so many are false alarms."""
    return [
        answer
        for number, (tone, count) in enumerate(wrong.items())
        for answer in images(
            100, wrong=range(count), answer=PORN, start=1_000 * number, skin_tone=tone
        )
    ]


@pytest.fixture
def audited(champion, axes):
    def make(predicted):
        audit_set = AuditSet.objects.create(
            name="tones", manifest_sha256="e" * 64, images=len(predicted)
        )
        return finished_audit(champion, audit_set, predicted)

    return make


@pytest.fixture
def reference(monkeypatch):
    """A policy that names a reference group."""
    policy = replace(Policy.load(), references={"skin_tone": "light"})
    monkeypatch.setattr(Policy, "load", lambda: policy)


def chart_rows(client, chart="disparity", **query):
    file = client.get(reverse("disparity"), {"chart": chart, "as": "json", **query})
    return {row["group"]: row for row in json.loads(file.content)["rows"]}


def test_a_site_without_audits_says_so(client, champion) -> None:
    assert "No audit is finished yet." in page_text(client, "disparity")


def test_each_group_has_its_difference_and_ratio_with_ranges(client, audited) -> None:
    audited(tones(dark=30, light=10))
    response = client.get(reverse("disparity"))
    chart = response.context["charts"]["disparity"]
    assert chart.title == ("Skin tone, false alarms: Dark 30.0% (comparable others 10.0%)")
    (dark,) = [row for row in chart.table if row[0] == "Dark"]
    assert dark[1:4] == ["100", "30.0%", "10.0% of 100"]
    assert dark[4].startswith("+20.0 (+")
    assert dark[5].startswith("2.90 (") or dark[5].startswith("3.00 (")
    assert "among images of the same label and medium" in response.content.decode()


def test_the_chart_claims_no_more_than_the_audit_does(client, audited) -> None:
    audited(tones(dark=12, light=10))
    title = client.get(reverse("disparity")).context["charts"]["disparity"].title
    assert title == "Skin tone, false alarms: no group is told apart from the others"


def test_the_sentence_to_quote_has_the_figures_of_the_group_that_it_names(client, audited) -> None:
    audited(tones(light=10, dark=30))
    quote = client.get(reverse("disparity")).context["charts"]["disparity"].quote
    assert "Dark 30.0% (comparable others 10.0%). Dark: +20.0 (" in quote
    assert "3.00 times. Model v1 on the 200 images of the audit set tones" in quote


def test_the_pages_of_the_audit_lead_here(client, audited) -> None:
    audited(tones(dark=30, light=10))
    here = reverse("disparity")
    overview = page_text(client, "audits", axis="skin_tone")
    assert f'href="{here}?axis=skin_tone&amp;set=tones"' in overview
    model = client.get(reverse("model", args=["v1"])).content.decode()
    assert f'href="{here}?model=v1&amp;set=tones"' in model


def test_the_download_has_one_row_a_group_and_one_column_a_figure(client, audited) -> None:
    audited(tones(dark=30, light=10))
    file = client.get(reverse("disparity"), {"chart": "disparity", "as": "csv"})
    light, dark = csv.DictReader(io.StringIO(file.content.decode()))
    assert (dark["axis"], dark["measure"], dark["group"], dark["against"]) == (
        *("skin_tone", "false_alarm", "dark", "rest"),
    )
    assert float(dark["difference"]) == pytest.approx(0.2)
    assert float(light["difference"]) == pytest.approx(-0.2)
    assert float(dark["ratio"]) == pytest.approx(3)
    assert (dark["n"], dark["rest"], dark["missing"]) == ("100", "100", "")
    page = client.get(reverse("disparity"), {"figures": "json"}).json()
    assert page["groups"][0]["difference"] == float(dark["difference"])


def test_another_kind_of_mistake_is_chosen_by_address(client, audited) -> None:
    audited(tones(dark=30, light=10) + images(50, expected=DRAWINGS, start=9_000))
    page = client.get(reverse("disparity"), {"measure": "miss"})
    assert "No group of this axis can be compared with the others." in page.content.decode()
    assert "No such images: Light, Dark." in page.content.decode()
    assert chart_rows(client, measure="error")["dark"]["difference"] == pytest.approx(0.2)
    assert client.get(reverse("disparity"), {"measure": "x", "axis": "y"}).status_code == 200


def test_groups_without_figures_are_listed_with_what_they_lack(client, audited) -> None:
    audited(
        tones(dark=30, light=0)
        + images(20, start=5_000, skin_tone="medium")
        + images(40, start=6_000, skin_tone="blue", medium="render")
    )
    text = page_text(client, "disparity")
    assert "Not enough images: Medium." in text
    assert "Nobody to compare with: blue." in text
    assert text.count("not known, because it never happens to the others") == 1


def test_an_axis_with_one_group_has_nobody_to_compare_with(client, audited) -> None:
    audited(tones(dark=30))
    assert "Nobody to compare with: Dark." in page_text(client, "disparity")


def test_images_that_state_no_groups_say_so(client, audited) -> None:
    audited(images(50))
    assert "The images of tones state no groups" in page_text(client, "disparity")


def test_groups_are_compared_with_the_reference_that_the_policy_names(
    client, audited, reference
) -> None:
    audited(tones(dark=30, light=10, medium=50))
    text = page_text(client, "disparity")
    assert "<h2>Beside Light</h2>" in text
    rows = chart_rows(client, "reference")
    assert set(rows) == {"dark", "medium"}
    assert rows["medium"]["difference"] == pytest.approx(0.4)


def test_two_hundred_groups_are_drawn(client, audited) -> None:
    audited(
        [
            answer
            for number in range(200)
            for answer in images(
                30, wrong=range(3), answer=PORN, start=100 * number, tribe=f"t{number:03}"
            )
        ]
    )
    assert len(chart_rows(client)) == 200
    for width in ("", "narrow"):
        query = {"chart": "disparity", "as": "svg", "width": width}
        assert client.get(reverse("disparity"), query).status_code == 200


def test_answers_that_are_gone_are_told(client, audited) -> None:
    audited(tones(dark=30, light=10)).predictions.unlink()
    response = client.get(reverse("disparity"))
    assert response.status_code == 409
    assert "let this one be audited again" in response.content.decode()
