"""Groups are read from JSON as stated, or refused as a whole."""

import pytest

from feedback.errors import Invalid
from nsfwsite.intake.group_fields import parse_groups, parse_pair_groups
from tests.cast import DARK, LIGHT


@pytest.mark.parametrize(
    ("text", "groups"), [("", {}), ("{}", {}), ('{"medium": "vector"}', {"medium": "vector"})]
)
def test_groups_are_an_object_of_axis_and_value(text, groups) -> None:
    assert parse_groups(text) == groups


@pytest.mark.parametrize("text", ["[]", "null", "vector", '{"medium": 3}', "[" * 100_000])
def test_other_groups_are_refused_with_what_was_received(text) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_groups(text)
    assert refusal.value.received == text[:80]


@pytest.mark.parametrize("text", ["", "[]"])
def test_pairs_may_have_no_groups(text) -> None:
    assert parse_pair_groups(text, 2) == [({}, {}), ({}, {})]


def test_each_pair_has_the_groups_of_both_sides() -> None:
    text = '[[{"skin_tone": "dark"}, {"skin_tone": "light"}]]'
    assert parse_pair_groups(text, 1) == [(DARK, LIGHT)]


@pytest.mark.parametrize(
    ("text", "pair_count"),
    [("{}", 1), ("[[{}, {}]]", 2), ("[[{}]]", 1), ("[[{}, {}, {}]]", 1), ("nonsense", 1)],
)
def test_pair_groups_that_do_not_fit_the_pairs_are_refused(text, pair_count) -> None:
    with pytest.raises(Invalid, match="two objects for each pair"):
        parse_pair_groups(text, pair_count)


def test_a_side_of_a_pair_that_is_no_object_is_refused_by_its_value() -> None:
    with pytest.raises(Invalid) as refusal:
        parse_pair_groups('[[{"skin_tone": "dark"}, 7]]', 1)
    assert refusal.value.received == "7"
