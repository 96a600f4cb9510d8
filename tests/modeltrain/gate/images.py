"""Answers of imaginary models, small enough to count on fingers."""

from collections.abc import Callable, Collection

from modeltrain.audit.evaluate import Predicted
from modeltrain.labels import LABELS

DRAWINGS, HENTAI, NEUTRAL, PORN, SEXY = LABELS
CONFUSED_WITH = {DRAWINGS: NEUTRAL, NEUTRAL: DRAWINGS, HENTAI: PORN, PORN: HENTAI, SEXY: PORN}


def images(
    count: int,
    *,
    wrong: Collection[int] = (),
    expected: str = NEUTRAL,
    answer: str | None = None,
    start: int = 0,
    cluster_of: Callable[[int], str] = str,
    nsfw_score: float | None = None,
    **groups: str,
) -> list[Predicted]:
    """Predictions for `count` images.

    `wrong` has the places of those that get `answer`: unless given, a harmless wrong label. With
    `nsfw_score`, all images get their right label and that much for porn.
    """
    predicted = []
    for number in range(start, start + count):
        is_wrong = number - start in wrong
        label = (answer or CONFUSED_WITH[expected]) if is_wrong else expected
        scores = {name: float(name == label) for name in LABELS}
        if nsfw_score is not None:
            scores |= {expected: 1 - nsfw_score, PORN: nsfw_score}
        predicted.append(Predicted(f"{number:064x}", cluster_of(number), expected, groups, scores))
    return predicted


def every_class(count: int = 400, **wrong: Collection[int]) -> list[Predicted]:
    """`count` images of each class, so that no class is missing."""
    return [
        answer
        for number, label in enumerate(LABELS)
        for answer in images(
            count, wrong=wrong.get(label, ()), expected=label, start=100_000 * (number + 1)
        )
    ]


def cell_of(
    result: dict,
    axis: str,
    value: str,
    measure: str = "false_alarm",
    rule: str = "highest score",
) -> dict:
    """The cell of a gate's result."""
    wanted = (axis, value, measure, rule)
    return next(
        cell
        for cell in result["cells"]
        if (cell["axis"], cell["value"], cell["measure"], cell["rule"]) == wanted
    )
