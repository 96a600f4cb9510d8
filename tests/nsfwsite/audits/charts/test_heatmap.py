from nsfwsite.audits.charts.heatmap import heatmap
from nsfwsite.audits.charts.theme import NARROW, THEMES, WIDE


def test_a_cell_is_darker_the_more_of_its_row_it_has_and_says_its_count():
    cells = [{"expected": "cats", "predicted": "dogs", "count": 1234, "share": 0.6}]
    spec = heatmap(cells, ["dogs", "cats"])(THEMES["dark"], WIDE)
    assert spec["data"]["values"] == cells
    assert spec["encoding"]["x"]["sort"] == spec["encoding"]["y"]["sort"] == ["dogs", "cats"]
    assert spec["encoding"]["x"]["field"] == "predicted"
    square, text = spec["layer"]
    colour = square["encoding"]["color"]
    assert (colour["field"], colour["scale"]["domain"]) == ("share", [0, 1])
    assert colour["scale"]["range"] == [THEMES["dark"]["card"], THEMES["dark"]["accent"]]
    assert text["encoding"]["text"]["field"] == "count"


def test_labels_lean_where_there_is_no_room():
    wide, narrow = (heatmap([], [])(THEMES["light"], width) for width in (WIDE, NARROW))
    assert wide["encoding"]["x"]["axis"]["labelAngle"] == 0
    assert narrow["encoding"]["x"]["axis"]["labelAngle"] == -45
    assert narrow["width"] < NARROW
