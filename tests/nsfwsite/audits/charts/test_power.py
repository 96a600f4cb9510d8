from nsfwsite.audits.charts.power import power_curves
from nsfwsite.audits.charts.theme import THEMES, WIDE


def test_a_line_for_each_chance_and_dashed_lines_at_what_there_is_and_what_is_wanted():
    steps = [{"images": n, "rise": 1 / n, "chance": "80%"} for n in (10, 100, 1000)]
    spec = power_curves(steps, at=240, wanted=0.08)(THEMES["light"], WIDE)
    assert spec["data"]["values"] == steps
    line, images, rise = spec["layer"]
    assert line["encoding"]["x"]["field"] == "images"
    assert line["encoding"]["x"]["scale"]["type"] == "log"
    assert line["encoding"]["y"]["field"] == "rise"
    assert line["encoding"]["strokeDash"]["field"] == "chance"
    assert images["encoding"]["x"]["datum"] == 240
    assert rise["encoding"]["y"]["datum"] == 0.08
