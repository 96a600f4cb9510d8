"""What moved a score: drawn over the blurred image, and in words."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django import template

from feedback.models import Example, ModelVersion, Occlusion
from modeltrain.audit import occlusion

register = template.Library()

MAX_NAMED = 3
SLIGHT = 0.02  # a change too small to name


@dataclass(frozen=True)
class Square:
    """A square of the map. `change` is the score with it greyed, minus the score of the image."""

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


def _champion() -> ModelVersion | None:
    return ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()


@register.simple_tag
def occlusion_of(example: Example) -> dict[str, Any]:
    """The newest map of an example's image, and whether one of the champion may be requested."""
    champion = _champion()
    maps = list(Occlusion.objects.filter(image=example.image_id).select_related("image", "model"))
    newest = maps[-1] if maps else None
    finished = [map_ for map_ in maps if map_.finished]
    drawn = finished[-1] if finished else None
    squares = _squares(drawn) if drawn else []
    is_requested = any(map_.model == champion and not map_.failure for map_ in maps)
    shortest_side = min((min(square.width, square.height) for square in squares), default=0)
    return {
        "newest": newest,
        "drawn": drawn,
        "squares": squares,
        "strongest": _strongest(squares),
        "size": shortest_side * 0.6,
        "may_ask": champion is not None and not is_requested,
        "progress": {"stage": "greying rows of squares", "done": newest.done, "total": newest.rows}
        if newest
        else {},
    }


def _squares(drawn: Occlusion) -> list[Square]:
    row_edges = occlusion.edges(drawn.image.height)
    column_edges = occlusion.edges(drawn.image.width)
    changes = [[greyed - (drawn.score or 0) for greyed in row] for row in drawn.scores]
    largest = max(SLIGHT, *(abs(change) for row in changes for change in row))
    return [
        Square(
            left=left,
            top=top,
            width=right - left,
            height=bottom - top,
            greyed=drawn.scores[y][x],
            change=changes[y][x],
            strength=round(abs(changes[y][x]) / largest * 0.8, 3),
        )
        for y, (top, bottom) in enumerate(pairwise(row_edges))
        for x, (left, right) in enumerate(pairwise(column_edges))
    ]


def _strongest(squares: list[Square]) -> list[Square]:
    """The few squares that move the score most, if any move it."""
    moving = [square for square in squares if abs(square.change) >= SLIGHT]
    return sorted(moving, key=lambda square: -abs(square.change))[:MAX_NAMED]


@register.simple_tag
def model_answers(example: Example) -> dict[str, Any]:
    """Every model's answer to an example, and the champion while its answer is missing."""
    champion = _champion()
    scores = example.scored
    is_missing = champion not in [score.model for score in scores]
    return {"scores": scores, "awaited": champion if is_missing and example.image else None}
