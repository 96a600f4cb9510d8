import pytest
from django.contrib.auth.models import AnonymousUser, User

from modeltrain.labels import LABELS, NSFW
from nsfwsite.templatetags import speakup


def test_bars_are_the_highest_first_and_only_the_highest_is_on_top() -> None:
    bars = speakup.bars({"neutral": 0.2, "porn": 0.7, "sexy": 0.1})
    assert [(bar["label"], bar["width"], bar["top"]) for bar in bars] == [
        ("porn", 70.0, True),
        ("neutral", 20.0, False),
        ("sexy", 10.0, False),
    ]
    assert speakup.bars({}) == []


def test_a_figure_that_is_missing_is_not_written() -> None:
    for write in (speakup.percent, speakup.points, speakup.per_thousand, speakup.score):
        assert write(None) == ""
    assert speakup.interval(None, 0.2) == ""
    assert speakup.points_interval(None, 0.2) == ""


def test_figures_are_written_as_everywhere() -> None:
    assert speakup.percent(0.766) == "76.6%"
    assert speakup.interval(0.711, 0.813) == "71.1% to 81.3%"
    assert speakup.points(-0.031) == "−3.1"
    assert speakup.points_interval(0.012, 0.05) == "+1.2 to +5.0"
    assert speakup.per_thousand(0.0123) == "12.3"
    assert (speakup.thousandths(0.98765), speakup.score(0.666)) == ("0.988", "0.67")


@pytest.mark.parametrize("verdict", ["pass", "blocked", "insufficient data"])
def test_a_verdict_is_told_by_its_sign_its_words_and_its_colour(verdict) -> None:
    others = {"pass", "blocked", "insufficient data"} - {verdict}
    for tell in (speakup.verdict_sign, speakup.verdict_words, speakup.verdict_class):
        assert tell(verdict)
        assert tell(verdict) not in map(tell, others)


def test_a_verdict_that_is_new_is_shown_as_it_is() -> None:
    assert speakup.verdict_words("later") == "later"
    assert (speakup.verdict_sign("later"), speakup.verdict_class("later")) == ("·", "")


def test_labels_are_explicit_as_the_gate_counts_them() -> None:
    assert {label for label in LABELS if speakup.explicit(label)} == set(NSFW)


def test_a_person_has_the_name_that_they_chose() -> None:
    assert speakup.name_of(User(username="mona", first_name="Mona", last_name="M.")) == "Mona M."
    assert speakup.name_of(User(username="mona")) == "mona"
    assert speakup.name_of(None) == "nobody"


def test_a_visitor_has_no_role(db, ravi) -> None:
    for role in (speakup.reviewer, speakup.maintainer, speakup.auditor, speakup.safety):
        assert not role(AnonymousUser())
        assert not role(None)
    assert speakup.reviewer(ravi)
    assert not speakup.maintainer(ravi)
