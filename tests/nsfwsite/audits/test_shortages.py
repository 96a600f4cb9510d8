"""The page that says, before a retrain, what the gate could see with the images that there are."""

import json

import pytest
from django.urls import reverse

from feedback.models import AuditSet, ModelVersion
from tests.cast import finished_audit
from tests.modeltrain.gate.images import DRAWINGS, PORN, images
from tests.nsfwsite.audits.examples import page_text


def enough() -> list:
    """2,000 images of each safe class, a fiftieth of them false alarms."""
    wrong = range(40)
    return images(2_000, wrong=wrong, answer=PORN, medium="photograph") + images(
        2_000, wrong=wrong, answer=PORN, expected=DRAWINGS, start=10_000, medium="vector"
    )


@pytest.fixture
def audited(champion, axes):
    def make(predicted):
        audit_set = AuditSet.objects.create(
            name="enough", manifest_sha256="e" * 64, images=len(predicted)
        )
        return finished_audit(champion, audit_set, predicted)

    return make


def test_a_site_without_audits_says_so(client, champion) -> None:
    assert "No audit is finished yet." in page_text(client, "shortage")


def test_a_small_group_is_told_with_how_many_images_more(client, two_models) -> None:
    response = client.get(reverse("shortage"))
    page = response.content.decode()
    assert response.context["short"][0]["sentence"] in page
    (render,) = [row for row in response.context["rows"] if row["title"] == "Computer rendering"]
    assert (render["n"], render["short"]) == (4, True)
    assert (
        "Collect about "
        + f"{render['missing']} more independent images with medium render, or accept that no "
        "rise of false alarms"
    ) in page
    assert "Hentai, porn and sexy images are not required (This site keeps no explicit" in page


def test_gaps_that_would_be_noticed_are_listed_for_groups_beside_others(client, audited) -> None:
    audited(
        enough()
        + images(60, wrong=range(3), answer=PORN, start=50_000, gender="woman")
        + images(400, wrong=range(12), answer=PORN, start=60_000, gender="man")
    )
    response = client.get(reverse("shortage"))
    woman, man = sorted(response.context["gap_rows"], key=lambda row: row["n"])
    assert (woman["value"], man["value"]) == ("woman", "man")
    assert woman["missing_to_see_gap"] > 0
    assert "Gaps between groups" in response.content.decode()


def test_nothing_is_short_where_there_are_enough_images(client, audited) -> None:
    audited(enough())
    page = page_text(client, "shortage")
    assert "Nothing is short: every class and group that is judged has enough images." in page
    assert "What to collect" not in page


def test_another_rise_needs_another_number_of_images(client, two_models) -> None:
    def missing(rise):
        rows = client.get(reverse("shortage"), {"rise": rise}).context["rows"]
        return {row["title"]: row["missing_to_notice"] for row in rows}

    usual, larger, smaller = missing(""), missing("20"), missing("2.5")
    for group in usual:
        assert larger[group] <= usual[group] <= smaller[group]
    assert usual["All images"] < smaller["All images"]
    assert missing("0") == missing("nonsense") == missing("1000") == usual


def test_a_group_is_chosen_by_address(client, two_models) -> None:
    chosen = client.get(reverse("shortage"), {"group": "medium=vector"}).context
    assert chosen["row"]["title"] == "Flat vector drawing"
    assert chosen["charts"]["power"].title.startswith(
        "Flat vector drawing: a rise of false alarms by "
    )
    confusion = client.get(reverse("shortage"), {"measure": "confusion"}).context
    assert {row["measure"] for row in confusion["rows"]} == {"confusion"}
    assert list(confusion["measures"]) == ["false_alarm", "confusion"]  # nothing here is explicit


def test_the_curve_falls_and_a_smaller_chance_is_lower(client, two_models) -> None:
    url = reverse("shortage")
    file = client.get(url, {"chart": "power", "as": "json"}).content
    rows = [row for row in json.loads(file)["rows"] if row["80% chance"] is not None]
    assert len(rows) > 20
    likely = [row["80% chance"] for row in rows]
    assert likely == sorted(likely, reverse=True)
    assert all(row["50% chance"] < row["80% chance"] for row in rows)
    for chart in ("power", "noticed"):
        for file_format in ("svg", "png", "csv"):
            assert client.get(url, {"chart": chart, "as": file_format}).status_code == 200


def test_answers_that_are_gone_are_told(client, audited) -> None:
    audit = audited(enough())
    audit.predictions.unlink()
    response = client.get(reverse("shortage"))
    assert response.status_code == 409
    assert "Let the model be audited again." in response.content.decode()


def test_the_gate_leads_here_if_there_are_not_enough_images(client, champion, audited) -> None:
    """Of 40 images of each safe class, one is newly confused: nobody can tell."""
    before = images(40) + images(40, expected=DRAWINGS, start=100)
    audit = audited(before)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    finished_audit(candidate, audit.audit_set, images(40, wrong=[0]) + before[40:])
    link = f'href="{reverse("shortage")}?model=v1&amp;set=enough"'
    page = page_text(client, "compare", before="v1", after="v2")
    assert "Not enough images" in page
    assert link in page
    same = page_text(client, "compare", before="v1", after="v1")
    assert link not in same
