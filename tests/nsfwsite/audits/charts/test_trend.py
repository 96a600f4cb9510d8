from nsfwsite.audits.charts.theme import THEMES, WIDE
from nsfwsite.audits.charts.trend import trend


def test_versions_stay_in_the_order_in_which_they_were_trained():
    cells = [
        {"version": version, "group": group, "rate": 0.2, "low": 0.1, "high": 0.3}
        for version in ("v2", "v10")
        for group in ("Dark", "Light")
    ]
    spec = trend(cells)(THEMES["light"], WIDE)
    assert spec["data"]["values"] == cells
    assert spec["encoding"]["x"]["sort"] == ["v2", "v10"]
    assert spec["encoding"]["xOffset"]["field"] == "group"
    interval, dot = spec["layer"]
    assert (interval["encoding"]["y"]["field"], interval["encoding"]["y2"]["field"]) == (
        "low",
        "high",
    )
    assert interval["encoding"]["y"]["scale"] == {"zero": True}
    assert dot["encoding"]["y"]["field"] == "rate"
    assert dot["encoding"]["shape"]["field"] == "group"
