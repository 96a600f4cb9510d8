"""Show which squares of an image a model's answer depends on, one row of squares at a time.

Each row is a short task. Visitors therefore wait for at most one row, and a lost worker loses at
most one row.
"""

from django.utils import timezone

from feedback.errors import WrongState
from feedback.models import ModelVersion, Occlusion, StoredImage
from feedback.services import images, models
from modeltrain.audit.occlusion import edges, row_scores


def request(*, image: StoredImage) -> Occlusion:
    """Request the occlusion map of an image for the model in service. A failed one starts again."""
    occlusion, new = Occlusion.objects.get_or_create(
        image=image,
        model=ModelVersion.objects.champion(),
        defaults={"rows": len(edges(image.height)) - 1, "touched_at": timezone.now()},
    )
    failed = Occlusion.objects.filter(pk=occlusion.pk).exclude(failure="")
    if new or failed.update(
        failure="", scores=[], done=0, label="", score=None, touched_at=timezone.now()
    ):
        return occlusion
    raise WrongState(
        rule="A model is asked once what moves its score of an image.",
        received=f"one more, with {occlusion.done} of {occlusion.rows} rows done",
        remedy="Open the case to see it.",
    )


def score_next_row(*, pk: int) -> bool:
    """Score the image with each square of the next row greyed. Return whether rows are left."""
    occlusions = Occlusion.objects.select_related("image", "model")
    occlusion = occlusions.filter(pk=pk, failure="").first()
    if occlusion is None or occlusion.finished:
        return False  # the image was deleted, or another worker scored the last row
    classifier = models.classifier_of(occlusion.model)
    pixels = images.pixels_of(occlusion.image)
    if not occlusion.done:
        prediction = classifier.classify(pixels)
        occlusion.label, occlusion.score = prediction.label, prediction.scores[prediction.label]
    scores = row_scores(
        lambda greyed: classifier.classify(greyed).scores,
        pixels,
        occlusion.done,
        label=occlusion.label,
    )
    unchanged = Occlusion.objects.filter(pk=pk, done=occlusion.done, failure="")
    updated = unchanged.update(
        label=occlusion.label,
        score=occlusion.score,
        scores=[*occlusion.scores, scores],
        done=occlusion.done + 1,
        touched_at=timezone.now(),
    )
    return bool(updated) and occlusion.done + 1 < occlusion.rows


def fail(*, pk: int, reason: str) -> None:
    Occlusion.objects.filter(pk=pk).update(failure=reason)
