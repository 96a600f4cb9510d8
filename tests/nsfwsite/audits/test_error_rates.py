"""What pages claim about groups: what the figures bear out, and no more."""

import pytest
from django.urls import reverse

from feedback.models import Audit, AuditSet
from modeltrain.audit.evaluate import Predicted
from modeltrain.labels import LABELS
from nsfwsite.audits import error_rates
from nsfwsite.audits.charts.theme import THEMES, WIDE
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import FIGURES


def neutral_images(alarms_by_tone: dict[str, int], *, n: int = 60) -> list[Predicted]:
    """n photographs of each skin tone, of which the first ones are called porn."""
    return [
        Predicted(
            f"{place * n + number:064x}",
            f"{tone} {number}",
            "neutral",
            {"skin_tone": tone, "medium": "photograph"},
            {label: 0.9 if label == predicted else 0.025 for label in LABELS},
        )
        for place, (tone, alarms) in enumerate(alarms_by_tone.items())
        for number in range(n)
        for predicted in ("porn" if number < alarms else "neutral",)
    ]


@pytest.fixture
def audit_of(champion, axes):
    def build(**alarms_by_tone: int):
        audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=120)
        return finished_audit(champion, audit_set, neutral_images(alarms_by_tone))

    return build


def page_of(client, name, *arguments, **query):
    page = client.get(reverse(name, args=arguments), query)
    return page, page.content.decode()


def test_the_first_of_groups_that_are_alike_is_named_nowhere(client, audit_of) -> None:
    audit_of(dark=60, light=59)
    overview, text = page_of(client, "audits", axis="skin_tone")
    assert overview.context["charts"]["trend"].title == (
        "Skin tone, wrong under v1: no group is told apart from the others"
    )
    assert "No group is told apart from the others." in text
    model, _ = page_of(client, "model", "v1", measure="false_alarm")
    assert model.context["charts"]["groups"].title == (
        "False alarms: no group is told apart from the others"
    )
    card = page_of(client, "model-card", "v1")[1]
    assert "- False alarms: 99.2% of 120 safe images" in card
    assert "120 neutral). No group is told apart from the others." in card


def test_a_group_that_is_told_apart_is_named_everywhere(client, audit_of) -> None:
    audit_of(dark=30, light=2)
    finding = "Dark 50.0% of 60, comparable others 3.3%"
    overview, text = page_of(client, "audits", axis="skin_tone")
    assert overview.context["charts"]["trend"].title == (
        "Skin tone, wrong under v1: Dark 50.0% (comparable others 3.3%)"
    )
    assert text.count(finding) == 3  # the card, and twice for previews of links
    model, text = page_of(client, "model", "v1")
    assert model.context["charts"]["groups"].title.startswith(f"Mistakes: {finding}")
    assert finding in text
    assert finding in page_of(client, "model-card", "v1")[1]


def test_harm_comes_first_with_its_mix(client, audit_of) -> None:
    audit_of(dark=3, light=2)
    overview, text = page_of(client, "audits")
    assert [card["title"] for card in overview.context["cards"]] == [
        "False alarms",
        "Misses",
        "Harmless confusions",
    ]
    assert "<strong>4.2%</strong> of 120 safe images" in text
    assert "The mix: 120 neutral." in text
    assert "<strong>Not known</strong>: the audit set has no explicit images." in text


def test_without_headlines_rates_are_shown_and_nobody_is_named(client, audit) -> None:
    overview, text = page_of(client, "audits", axis="medium")
    assert "<strong>10.0%</strong> of 240 safe images" in text
    assert "For whom is being counted." in text
    assert overview.context["charts"]["trend"].title == "Medium: share of images that are wrong"
    model, _ = page_of(client, "model", "v1", measure="miss")
    assert "groups" not in model.context["charts"]  # no group has images for it
    model, _ = page_of(client, "model", "v1")
    assert model.context["charts"]["groups"].title == ("Any mistake: share of each label and group")
    assert "headlines" not in FIGURES


def test_the_trend_of_all_images_has_both_ends(client, two_models) -> None:
    overview, _ = page_of(client, "audits")
    assert overview.context["charts"]["trend"].title == (
        "All images: 37.9% wrong under v1, 7.6% wrong under v2"
    )


def test_of_one_version_there_is_no_trend(client, audit_of) -> None:
    audit_of(dark=60, light=59)
    overview, text = page_of(client, "audits")
    assert overview.context["axis"] == "class"
    assert "Group by group" in text
    tones, _ = page_of(client, "audits", axis="skin_tone")
    chart = tones.context["charts"]["trend"]
    assert [row[1] for row in chart.rows] == ["Light", "Dark"]  # as the axis orders them
    values = chart.draw(THEMES["light"], WIDE)["data"]["values"]
    assert values[0]["label"].startswith("98.3% (")


def test_the_trend_of_labels_has_their_rates(client, two_models) -> None:
    Audit.objects.filter(model__number=2).delete()
    overview, _ = page_of(client, "audits", axis="class")
    assert overview.context["charts"]["trend"].title == (
        "Right label, wrong under v1: drawings 49.0%, neutral 0.0%"
    )


def test_a_comparison_in_which_nothing_is_worse_names_nobody(client, two_models) -> None:
    page, _ = page_of(client, "compare", before="v1", after="v2")
    assert page.context["charts"]["differences"].title == (
        "No group is shown to have more false alarms under v2 than under v1"
    )


def test_the_chart_of_rates_needs_a_group() -> None:
    figures = FIGURES | {"classes": {}, "groups": {}}
    assert error_rates.rates_chart(figures, "error", error_rates.Titles({}, {})) is None


def test_small_groups_have_an_estimate_beside_their_rate(client, audit_of) -> None:
    audit = audit_of(dark=30, light=6, medium=4)
    page, text = page_of(client, "model", "v1", measure="false_alarm")
    estimate = audit.figures["groups"]["skin_tone"]["dark"]["shrunk"]["false_alarm"]
    assert 0.3 < estimate["rate"] < 0.5
    assert f"{estimate['rate']:.1%}<small>{estimate['low']:.1%} to {estimate['high']:.1%}" in text
    assert text.count("False alarm, estimated") == 1
    assert text.count("no verdict rests on it") == 1
    tables = {section["title"]: section["shrunk"] for section in page.context["sections"]}
    assert tables["Skin tone"] == {"error", "false_alarm", "confusion"}
    assert not any(shrunk for title, shrunk in tables.items() if title != "Skin tone")
    assert "estimated" not in page_of(client, "model", "v1", measure="miss")[1]
