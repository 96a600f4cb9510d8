import pytest

from nsfwsite.audits.charts.forest import SMALLEST_DOMAIN, forest
from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE

LIGHT = THEMES["light"]


def cell(axis, value, rate, low, high):
    return {"axis": axis, "value": value, "rate": rate, "low": low, "high": high}


CELLS = [cell("Tone", "Dark", 0.4, 0.3, 0.5), cell("Medium", "Vector", -0.1, -0.2, 0.0)]


def domain(spec):
    return spec["spec"]["layer"][0]["encoding"]["x"]["scale"]["domain"]


def test_each_cell_is_a_dot_on_its_interval_and_axes_stay_in_their_order():
    spec = forest(CELLS, x="wrong")(LIGHT, WIDE)
    assert spec["data"]["values"] == CELLS
    assert spec["facet"]["row"]["sort"] == ["Tone", "Medium"]
    rule, dot = spec["spec"]["layer"]
    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("low", "high")
    assert dot["encoding"]["x"]["field"] == "rate"
    assert dot["encoding"]["x"]["title"] == "wrong"


def test_a_scale_of_rates_starts_at_0_and_small_rates_do_not_fill_it():
    assert domain(forest(CELLS, x="wrong")(LIGHT, WIDE)) == [0, 0.5]
    tiny = [cell("Tone", "Dark", 0.001, 0.0, 0.002)]
    assert domain(forest(tiny, x="wrong")(LIGHT, WIDE)) == [0, SMALLEST_DOMAIN]


def test_differences_have_lines_at_0_and_at_the_margin():
    spec = forest(CELLS, x="difference", signed=True, margin=0.8)(LIGHT, WIDE)
    low, high = domain(spec)
    assert low == -0.2
    assert high == pytest.approx(0.88)
    zero, margin = spec["spec"]["layer"][2:]
    assert [line["encoding"]["x"]["datum"] for line in (zero, margin)] == [0.0, 0.8]
    assert margin["mark"]["color"] == LIGHT["alarm"]


def test_a_narrow_chart_leaves_less_room_for_names():
    wide, narrow = (forest(CELLS, x="wrong")(LIGHT, width) for width in (WIDE, NARROW))
    assert wide["spec"]["width"] == WIDE - 190
    assert narrow["spec"]["width"] == NARROW - 110
