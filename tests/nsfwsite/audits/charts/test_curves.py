from nsfwsite.audits.charts.curves import curves, reliability
from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE

LIGHT = THEMES["light"]
STEPS = [
    {"group": group, "threshold": level, "x": level / 100, "y": 1 - level / 100}
    for group in ("Dark", "Light", "Medium")
    for level in (10, 50)
]
BANDS = [{"group": "Dark", "order": 0, "x": 0, "y": 1}]


def test_each_group_has_a_panel_with_its_band_its_line_and_the_threshold():
    spec = curves(STEPS, BANDS, x="false alarms", y="caught", at=50)(LIGHT, WIDE)
    assert spec["facet"]["sort"] == ["Dark", "Light", "Medium"]
    parts = [row["part"] for row in spec["data"]["values"]]
    assert (parts.count("line"), parts.count("band")) == (6, 1)
    band, line, dot = (layer["transform"][0]["filter"] for layer in spec["spec"]["layer"])
    assert "band" in band
    assert "line" in line
    assert "datum.threshold == 50" in dot
    for layer in spec["spec"]["layer"]:
        assert layer["encoding"]["x"]["scale"]["domain"] == [0, 1]
        assert layer["encoding"]["y"]["title"] == "caught"


def test_a_line_runs_in_the_order_of_its_thresholds():
    spec = curves(STEPS, [], x="a", y="b", at=50)(LIGHT, WIDE)
    assert [row["order"] for row in spec["data"]["values"][:2]] == [10, 50]


def test_panels_fit_into_the_width():
    for width, columns in ((WIDE, 3), (NARROW, 2)):
        spec = curves(STEPS, BANDS, x="a", y="b", at=50)(LIGHT, width)
        assert spec["columns"] == columns
        assert columns * (spec["spec"]["width"] + spec["spacing"]) < width
    single = curves(STEPS[:2], BANDS, x="a", y="b", at=50)(LIGHT, WIDE)
    assert single["columns"] == 1


def test_reliability_is_drawn_beside_the_line_where_scores_are_true():
    bins = [{"score": 0.4, "share": 0.3, "low": 0.2, "high": 0.4, "n": 50}]
    line, interval, dot = reliability(bins, x="NSFW score", y="explicit")(LIGHT, WIDE)["layer"]
    assert line["data"]["values"] == [{"score": 0, "share": 0}, {"score": 1, "share": 1}]
    assert interval["encoding"]["y"]["field"] == "low"
    assert interval["encoding"]["y2"]["field"] == "high"
    assert (dot["encoding"]["x"]["field"], dot["encoding"]["y"]["field"]) == ("score", "share")
