"""Parts that several kinds of chart share."""

from nsfwsite.audits.charts.theme import WIDE, Spec

SHARE_AXIS: Spec = {"format": ".0%", "tickCount": 4, "labelOverlap": True, "labelSeparation": 6}
COLOUR_BY_GROUP: Spec = {"field": "group", "type": "nominal", "sort": None, "title": None}
HEIGHT = 240


def legend(width: int) -> Spec:
    return {"columns": 3 if width == WIDE else 2}


def dot(size: int) -> Spec:
    return {"type": "point", "filled": True, "size": size, "opacity": 1}


def vertical_line(at: float, colour: str, *, dashed: bool) -> Spec:
    """A layer with one line across the whole chart."""
    dash = [4, 3] if dashed else [1, 0]
    return {
        "mark": {"type": "rule", "color": colour, "strokeDash": dash},
        "encoding": {"x": {"datum": at, "type": "quantitative"}},
    }
