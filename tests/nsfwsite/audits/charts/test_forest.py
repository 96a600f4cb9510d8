import pytest

from nsfwsite.audits.charts.forest import (
    SMALLEST_DOMAIN,
    difference_label,
    forest,
    per_thousand_label,
    rate_label,
)
from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE

LIGHT = THEMES["light"]


def cell(axis, value, rate, low, high):
    return {"axis": axis, "value": value, "rate": rate, "low": low, "high": high}


CELLS = [cell("Tone", "Dark", 0.4, 0.3, 0.5), cell("Medium", "Vector", -0.1, -0.2, 0.0)]


def domain(spec):
    return spec["spec"]["layer"][0]["encoding"]["x"]["scale"]["domain"]


def test_each_cell_is_a_dot_on_its_interval_and_axes_stay_in_their_order():
    spec = forest(CELLS, x="wrong")(LIGHT, WIDE)
    labels = [row.pop("label") for row in spec["data"]["values"]]
    assert labels == ["40.0% (30.0% to 50.0%)", "−10.0% (−20.0% to 0.0%)"]
    assert spec["data"]["values"] == CELLS
    assert spec["facet"]["row"]["sort"] == ["Tone", "Medium"]
    rule, dot, label = spec["spec"]["layer"]
    assert label["encoding"]["text"] == {"field": "label"}
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
    zero, margin = spec["spec"]["layer"][3:]
    assert [line["encoding"]["x"]["datum"] for line in (zero, margin)] == [0.0, 0.8]
    assert margin["mark"]["color"] == LIGHT["alarm"]


def test_a_label_is_a_rate_a_difference_or_of_1000_images():
    row = {**cell("Tone", "Dark", 0.031, 0.012, 0.05), "n": 1200}
    assert rate_label(row) == "3.1% (1.2% to 5.0%), n = 1,200"
    assert difference_label(row) == "+3.1 (+1.2 to +5.0), n = 1,200"
    assert per_thousand_label(row) == "31 (12 to 50), n = 1,200"


def test_a_reference_is_a_dashed_line():
    line = forest(CELLS, x="wrong", reference=0.3)(LIGHT, WIDE)["spec"]["layer"][-1]
    assert line["encoding"]["x"]["datum"] == 0.3
    assert line["mark"]["strokeDash"] == [4, 3]


def test_on_a_phone_names_and_figures_stand_above_the_dots():
    wide, narrow = (forest(CELLS, x="wrong")(LIGHT, width)["spec"] for width in (WIDE, NARROW))
    assert narrow["layer"][0]["encoding"]["y"]["axis"] is None
    texts = [layer["encoding"]["text"]["field"] for layer in narrow["layer"][2:]]
    assert texts == ["value", "label"]
    assert NARROW - 50 < narrow["width"] < NARROW
    assert narrow["height"]["step"] > wide["height"]["step"]
