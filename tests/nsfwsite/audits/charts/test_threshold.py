from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE
from nsfwsite.audits.charts.threshold import threshold_curves


def test_a_line_for_each_group_and_one_at_the_threshold():
    steps = [{"group": "Dark", "threshold": level, "rate": 1 / level} for level in (1, 50, 99)]
    spec = threshold_curves(steps, at=30, title="misses")(THEMES["dark"], WIDE)
    assert spec["data"]["values"] == steps
    line, threshold = spec["layer"]
    assert line["mark"]["interpolate"] == "step-after"  # a share moves where an image's score is
    assert line["encoding"]["x"]["scale"]["domain"] == [0, 100]
    assert line["encoding"]["y"]["title"] == "misses"
    assert line["encoding"]["color"]["field"] == "group"
    assert threshold["encoding"]["x"]["datum"] == 30
    assert threshold["mark"]["color"] == THEMES["dark"]["alarm"]


def test_the_legend_has_fewer_columns_on_a_phone():
    draw = threshold_curves([], at=30, title="misses")
    columns = [
        draw(THEMES["light"], width)["layer"][0]["encoding"]["color"]["legend"]["columns"]
        for width in (WIDE, NARROW)
    ]
    assert columns == [3, 2]
