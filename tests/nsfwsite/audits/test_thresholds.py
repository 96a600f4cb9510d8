"""Whoever runs a filter chooses threshold, mix and limit in the address."""

import csv
import io

import numpy as np
import pytest
from django.urls import reverse

from feedback.models import Audit, AuditSet
from modeltrain.audit.evaluate import Predicted
from modeltrain.labels import LABELS
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import page_text

CHARTS = ("mix", "false_alarm", "miss", "roc", "precision", "calibration")


@pytest.fixture
def both_sides(champion, axes) -> Audit:
    """An audit with 300 safe and 140 explicit images, near copies in pairs, in two media."""
    random = np.random.default_rng(0)
    predicted = []
    for number in range(440):
        explicit = number >= 300
        score = float(random.beta(4, 2) if explicit else random.beta(1, 6))
        scores = dict.fromkeys(LABELS, 0.0) | {"porn": score, "neutral": 1 - score}
        predicted.append(
            Predicted(
                f"{number:064x}",
                str(number // 2),
                "porn" if explicit else "neutral",
                {"medium": "vector" if number % 4 < 2 else "photograph"},
                scores,
            )
        )
    audit_set = AuditSet.objects.create(name="both", manifest_sha256="e" * 64, images=440)
    return finished_audit(champion, audit_set, predicted)


def show(client, **query: str):
    return client.get(reverse("threshold"), query)


def test_a_threshold_applies_to_every_group(client, two_models) -> None:
    low = show(client, model="v1", axis="medium", at="50")
    high = show(client, model="v1", axis="medium", at="96")
    rates = {row["title"]: row["false_alarm"]["rate"] for row in low.context["groups"]}
    assert rates == {"Flat vector drawing": 0.2, "Photograph": 0.0, "Computer rendering": 0.0}
    assert {row["false_alarm"]["rate"] for row in high.context["groups"]} == {0.0}
    assert "miss" not in low.context["charts"]  # nothing here is explicit


def test_the_interval_is_that_of_the_other_pages(client, both_sides) -> None:
    # At 50 the two rules agree on every image here: there are two scores above 0.
    elsewhere = both_sides.figures["groups"]["medium"]["vector"]
    here = show(client, axis="medium", at="50").context["figures"]["groups"]["vector"]
    for measure in ("false_alarm", "miss"):
        assert here[measure] == pytest.approx(elsewhere[measure])
    assert here["false_alarm"]["clusters"] < here["false_alarm"]["n"]


def test_a_mix_scales_the_rates_to_a_thousand_images(client, both_sides) -> None:
    page = show(client, at="50", explicit="12.5")
    (everyone,) = page.context["groups"]
    safe, explicit = everyone["false_alarm"]["rate"], everyone["miss"]["rate"]
    assert everyone["false_alarms"]["value"] == pytest.approx(0.875 * safe)
    assert everyone["misses"]["value"] == pytest.approx(0.125 * explicit)
    text = page.content.decode()
    assert "You say that 125 of them are explicit" in text
    assert f"{875 * safe:.1f}<small>" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (50, 5.0, 2.0)),
        ({"at": "7", "explicit": "0", "limit": "0.5"}, (7, 0.0, 0.5)),
        ({"at": "100", "explicit": "101", "limit": "0"}, (50, 5.0, 2.0)),
        ({"at": "50.5", "explicit": "-1", "limit": "100"}, (50, 5.0, 2.0)),
        ({"at": "many", "explicit": "nan", "limit": "inf"}, (50, 5.0, 2.0)),
        ({"at": "", "explicit": "", "limit": "two"}, (50, 5.0, 2.0)),
    ],
)
def test_what_makes_no_sense_falls_back_to_the_default(client, two_models, query, expected) -> None:
    use = show(client, **query).context["use"]
    assert (use.at, use.explicit, use.limit) == expected


def test_without_explicit_images_the_page_says_what_is_not_known(client, two_models) -> None:
    page = show(client)
    text = page.content.decode()
    assert text.count("not known</span><small>no explicit images") >= 5
    assert "Not known: no group has 30 different safe and 30 different explicit images" in text
    assert not {"miss", "roc", "precision", "calibration"} & set(page.context["charts"])
    # A mix without explicit images needs none.
    (everyone,) = show(client, explicit="0").context["groups"]
    assert everyone["misses"]["value"] == 0
    assert everyone["mistakes"]["value"] == everyone["false_alarms"]["value"]


def test_a_group_with_few_images_has_no_figures_and_says_so(client, two_models) -> None:
    rows = {row["title"]: row for row in show(client, axis="medium").context["groups"]}
    missing = {"missing": "not enough images", "detail": "4 safe"}
    assert rows["Computer rendering"]["false_alarms"] == missing
    assert rows["Computer rendering"]["own_threshold"] is None


def test_copies_of_few_images_are_not_enough(client, champion, axes) -> None:
    scores = dict.fromkeys(LABELS, 0.0) | {"neutral": 1.0}
    predicted = [
        Predicted(f"{number:064x}", str(number % 20), "neutral", {}, scores) for number in range(40)
    ]
    copies = AuditSet.objects.create(name="copies", manifest_sha256="e" * 64, images=40)
    finished_audit(champion, copies, predicted)
    (row,) = show(client).context["groups"]
    assert row["false_alarms"] == {
        "missing": "not enough images",
        "detail": "40 safe, 20 different",
    }
    assert "mix" not in show(client).context["charts"]
    overview = client.get(reverse("audits")).content.decode()
    assert "fewer than 30 different images" in overview
    assert "neutral (20)" in overview


@pytest.mark.parametrize("chart", CHARTS)
def test_each_chart_comes_with_its_figures(client, both_sides, chart) -> None:
    query = {"axis": "medium", "chart": chart}
    for width, theme in (("wide", "light"), ("narrow", "dark")):
        svg = show(client, **query, width=width, theme=theme).content
        assert svg.startswith(b"<svg")
        assert b"NaN" not in svg
    figures = show(client, **query, **{"as": "json"}).json()
    rows = list(csv.reader(io.StringIO(show(client, **query, **{"as": "csv"}).text)))
    assert len(rows) == len(figures["rows"]) + 1 > 2
    low, high = (
        next(place for place, name in enumerate(rows[0]) if end in name) for end in ("low", "high")
    )
    assert all(float(row[low]) <= float(row[high]) for row in rows[1:])


def test_tables_under_long_charts_have_every_tenth_threshold(client, both_sides) -> None:
    page = show(client, axis="medium")
    assert len(page.context["charts"]["roc"].table) == 2 * 11
    assert len(page.context["charts"]["roc"].rows) == 2 * 102
    assert "Every tenth threshold as a table" in page.content.decode()


def test_a_promise_names_its_threshold_and_its_price(client, both_sides) -> None:
    page = show(client, limit="8")
    promise = page.context["promise"]
    assert 1 < promise["threshold"] < 100
    at = promise["threshold"]
    sentence = f"Flag from <strong>{at}</strong> on: that is the lowest threshold that keeps"
    assert sentence in page.content.decode()
    assert promise["price"]["misses"]["value"] > 0


def test_where_nothing_can_be_promised_the_page_says_what_it_takes(client, both_sides) -> None:
    text = page_text(client, "threshold", axis="medium", limit="2")
    assert "No threshold can promise this with these images." in text
    # 150 safe images of each medium in 75 pairs: 149 independent ones are needed.
    assert "<li>74 more independent safe images of “Photograph”</li>" in text
    assert "must not be inferred" in text


def test_a_threshold_is_chosen_on_one_half_and_counted_on_the_other(client, both_sides) -> None:
    page = show(client, axis="medium", limit="10")
    for choice in page.context["chosen"]:
        chosen_on, other, *groups = choice["rows"]
        assert chosen_on["false_alarm"]["n"] + other["false_alarm"]["n"] == 300
        assert sum(row["false_alarm"]["n"] for row in groups) == other["false_alarm"]["n"]
        assert f"flagged from {choice['threshold']} on" in page.content.decode()


def test_all_figures_come_as_json(client, both_sides) -> None:
    page = show(client, axis="medium", at="40")
    assert page.context["json"] == "?axis=medium&at=40&figures=json"
    figures = show(client, axis="medium", at="40", figures="json").json()
    assert figures == page.context["figures"]
    assert (figures["threshold"], figures["explicit_share"]) == (40, 0.05)


def test_a_model_whose_answers_are_gone_is_refused(client, two_models) -> None:
    for audit in Audit.objects.all():
        audit.predictions.unlink()
    page = show(client)
    assert page.status_code == 409
    assert "answers that are gone" in page.content.decode()
