"""Show which squares of a picture a model's answer hangs on, a row of squares at a time.

Each row is one short task, so visitors wait for a row at most, and whatever a lost worker had done
is kept.
"""

from django.utils import timezone

from feedback.errors import WrongState
from feedback.models import ModelVersion, Occlusion, StoredImage
from feedback.services import images, models
from modeltrain.audit import occlusion


def ask(*, image: StoredImage) -> Occlusion:
    """Ask it of the model in service; one that failed begins again."""
    asked, new = Occlusion.objects.get_or_create(
        image=image,
        model=ModelVersion.objects.champion(),
        defaults={"rows": len(occlusion.edges(image.height)) - 1, "touched_at": timezone.now()},
    )
    failed = Occlusion.objects.filter(pk=asked.pk).exclude(failure="")
    if new or failed.update(
        failure="", scores=[], done=0, label="", score=None, touched_at=timezone.now()
    ):
        return asked
    raise WrongState(
        rule="A model is asked once what moves its score of a picture.",
        received=f"one more, with {asked.done} of {asked.rows} rows done",
        remedy="Open the case to see it.",
    )


def go_on(*, pk: int) -> bool:
    """Grey the next row, square by square. Is there another one?"""
    asked = Occlusion.objects.select_related("image", "model").filter(pk=pk, failure="").first()
    if asked is None or asked.finished:
        return False  # its picture is gone, or another worker did it
    classifier = models.classifier_of(asked.model)
    pixels = images.pixels_of(asked.image)
    if not asked.done:
        whole = classifier.classify(pixels)
        asked.label, asked.score = whole.label, whole.scores[whole.label]
    row = occlusion.row_scores(
        lambda seen: classifier.classify(seen).scores, pixels, asked.done, label=asked.label
    )
    here = Occlusion.objects.filter(pk=pk, done=asked.done, failure="")
    written = here.update(
        label=asked.label,
        score=asked.score,
        scores=[*asked.scores, row],
        done=asked.done + 1,
        touched_at=timezone.now(),
    )
    return bool(written) and asked.done + 1 < asked.rows


def fail(*, pk: int, why: str) -> None:
    Occlusion.objects.filter(pk=pk).update(failure=why)
