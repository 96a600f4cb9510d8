"""Headlines in words."""

import pytest

from modeltrain.audit import claims


class Titles:
    def axis(self, name):
        return {"medium": "Medium", "skin_tone": "Skin tone", "class": "Right label"}[name]

    def group(self, axis, name):
        return f"{name.capitalize()} {self.axis(axis).lower()}"


def headline(kind="not told apart", **changes):
    return {
        "measure": "false_alarm",
        "kind": kind,
        "level": 0.95,
        "count": 12,
        "n": 1200,
        "clusters": 1200,
        "rate": 0.01,
        "low": 0.006,
        "high": 0.017,
        "images": {"drawings": 1000, "neutral": 200},
        "compared": ["skin_tone"],
        "groups": [],
        "tied": [],
        "composition": [],
        **changes,
    }


def group(value, axis="skin_tone", **changes):
    figures = {"n": 100, "rate": 0.3, "rest": 200, "rest_rate": 0.05, "difference": 0.25}
    return {"axis": axis, "value": value, **figures, "low": 0.1, "high": 0.4, **changes}


def composition(axis, **rates):
    return {
        "axis": axis,
        "values": [{"value": value, "rate": rate} for value, rate in rates.items()],
    }


RATE = "False alarms: 1.0% of 1,200 safe images (95% interval 0.6% to 1.7%; 1,000 drawings, 200"


def test_a_sentence_has_rate_interval_mix_and_claim():
    assert claims.sentence(headline()) == (
        f"{RATE} neutral). No group is told apart from the others."
    )


def test_a_headline_is_found_by_its_measure():
    figures = {"headlines": [headline(), headline(measure="miss")]}
    assert claims.headline_of(figures, "miss") == headline(measure="miss")
    assert claims.headline_of({}, "miss") is None


def test_without_images_a_mistake_is_not_known():
    nothing = headline("no images", measure="miss", n=0, rate=None, low=None, high=None, images={})
    assert claims.sentence(nothing) == (
        "Misses: not known, because the audit set has no explicit images."
    )
    assert claims.claim(nothing) == "Not known: there are no such images."
    assert claims.title(nothing) == "Misses: not known: there are no such images"


def test_without_comparable_groups_nothing_was_compared():
    assert claims.claim(headline(compared=[])) == (
        "No group has enough comparable images to be told apart."
    )


def test_a_group_is_named_as_the_page_names_it():
    group_headline = headline("group", groups=[group("dark")])
    text = " 30.0% of 100, comparable others 5.0% (25 points more, 10 to 40)"
    assert claims.claim(group_headline) == f"dark{text}."
    assert claims.title(group_headline, Titles()) == f"False alarms: Dark skin tone{text}"
    more = {"groups": [group("dark"), group("drawn", "medium")], "tied": ["deep"]}
    assert claims.claim(group_headline | more, Titles()) == (
        f"Dark skin tone{text}; not told apart from Dark skin tone: Deep skin tone; also more "
        "than comparable others: Drawn medium."
    )


@pytest.mark.parametrize(
    ("tied", "text"),
    [
        (["a"], "a."),
        (["a", "b"], "a and b."),
        (["a", "b", "c"], "a, b and c."),
        (["a", "b", "c", "d"], "a, b and 2 others."),
    ],
)
def test_ties_are_named_or_counted(tied, text):
    claim = claims.claim(headline("group", groups=[group("dark")], tied=tied))
    assert claim.endswith(f"; not told apart from dark: {text}")


def test_groups_that_are_told_apart_as_well_are_named_once():
    groups = [group("dark"), group("deep"), group("brown"), group("deep", "hair")]
    claim = claims.claim(headline("group", groups=groups, tied=["deep"]))
    assert claim.endswith(
        "; not told apart from dark: deep; also more than comparable others: brown and deep."
    )


def test_what_decides_is_told_with_its_rates():
    decides = [composition("medium", vector=0.978, photograph=0.0), composition("class", neutral=1)]
    composition_headline = headline("composition", composition=decides)
    rates = "the medium: vector 97.8%, photograph 0.0%"
    assert claims.claim(composition_headline) == (
        f"No group is told apart from the others; what decides is {rates}."
    )
    assert (
        "what decides is the medium: Vector medium 97.8%, Photograph medium 0.0%."
        in claims.sentence(composition_headline, Titles())
    )
    assert claims.title(composition_headline).startswith("False alarms: no group is told apart")


def test_of_many_values_the_ends_are_shown():
    names = claims.PlainNames()
    four = composition("class", a=0.4, b=0.3, c=0.2, d=0.1)
    assert claims.composition_rates(four, names) == "a 40.0%, b 30.0%, c 20.0%, d 10.0%"
    five = composition("class", a=0.5, b=0.4, c=0.3, d=0.2, e=0.1)
    assert claims.composition_rates(five, names) == "a 50.0%, e 10.0%"


def test_plain_names_are_those_of_the_manifest():
    names = claims.PlainNames()
    assert (names.axis("skin_tone"), names.axis("class")) == ("skin tone", "right label")
    assert names.group("skin_tone", "dark_brown") == "dark_brown"
