"""What moved a score, drawn over the veiled picture and told in words."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django import template

from feedback.models import Example, ModelVersion, Occlusion
from modeltrain.audit import occlusion

register = template.Library()

TOLD = 3
SLIGHT = 0.02  # a change that is not worth a word


@dataclass(frozen=True)
class Square:
    """One square of the map: `change` is the score with it greyed, less that of the picture."""

    left: int
    top: int
    width: int
    height: int
    greyed: float
    change: float
    strength: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


@register.simple_tag
def occlusion_of(example: Example) -> dict[str, Any]:
    """The newest one of its picture, and whether the model in service can still be asked."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    known = list(Occlusion.objects.filter(image=example.image_id).select_related("image", "model"))
    newest = known[-1] if known else None
    asked = [one for one in known if one.model == champion and not one.failure]
    finished = [one for one in known if one.finished]
    drawn = finished[-1] if finished else None
    squares = _squares(drawn) if drawn else []
    return {
        "newest": newest,
        "drawn": drawn,
        "squares": squares,
        "told": _told(squares),
        "size": min((min(one.width, one.height) for one in squares), default=0) * 0.6,
        "may_ask": champion is not None and not asked,
        "progress": {"stage": "greying rows of squares", "done": newest.done, "total": newest.rows}
        if newest
        else {},
    }


def _squares(one: Occlusion) -> list[Square]:
    down, across = occlusion.edges(one.image.height), occlusion.edges(one.image.width)
    changes = [[greyed - (one.score or 0) for greyed in row] for row in one.scores]
    most = max(SLIGHT, *(abs(change) for row in changes for change in row))
    return [
        Square(
            left=left,
            top=top,
            width=right - left,
            height=bottom - top,
            greyed=one.scores[y][x],
            change=changes[y][x],
            strength=round(abs(changes[y][x]) / most * 0.8, 3),
        )
        for y, (top, bottom) in enumerate(pairwise(down))
        for x, (left, right) in enumerate(pairwise(across))
    ]


def _told(squares: list[Square]) -> list[Square]:
    """The few that move the score most, if they move it."""
    moving = [one for one in squares if abs(one.change) >= SLIGHT]
    return sorted(moving, key=lambda one: -abs(one.change))[:TOLD]


@register.simple_tag
def models_said(example: Example) -> dict[str, Any]:
    """What each model said of an example, and the model in service where it has not spoken yet."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    scores = example.scored
    silent = champion not in [one.model for one in scores]
    return {"scores": scores, "awaited": champion if silent and example.image else None}
