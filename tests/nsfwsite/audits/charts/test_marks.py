from nsfwsite.audits.charts import marks
from nsfwsite.audits.charts.theme import NARROW, WIDE


def test_a_line_runs_across_the_chart_and_may_be_dashed() -> None:
    line = marks.vertical_line(0.08, "#ff0000", dashed=True)
    assert line["encoding"] == {"x": {"datum": 0.08, "type": "quantitative"}}
    assert line["mark"]["color"] == "#ff0000"
    assert (
        line["mark"]["strokeDash"]
        != marks.vertical_line(0, "#ff0000", dashed=False)["mark"]["strokeDash"]
    )


def test_a_legend_is_narrower_on_a_phone() -> None:
    assert marks.legend(NARROW)["columns"] < marks.legend(WIDE)["columns"]
