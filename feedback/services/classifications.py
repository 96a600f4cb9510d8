"""Take an image, judge it, forget it."""

import datetime

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from feedback.errors import ImageRefused, WrongState
from feedback.models import Classification, DemoAnswer, ModelVersion
from feedback.services import images, models
from modeltrain.images import codec

# A worker that has not answered by then never will.
PATIENCE = datetime.timedelta(minutes=2)
# An answer can be looked at again for this long; what was reported lives on in its report.
KEPT = datetime.timedelta(days=1)


def submit(*, upload: "UploadedFile[bytes]") -> Classification:
    """Keep the bytes for the worker. Nothing here looks inside them."""
    size = upload.size or 0
    if size > settings.IMAGE_MAX_BYTES:
        raise ImageRefused(
            rule=f"An image must be at most {settings.IMAGE_MAX_BYTES // 2**20} MiB.",
            received=f"{size / 2**20:.1f} MiB",
            remedy="Make it smaller and send it again.",
        )
    if not size:
        raise ImageRefused(
            rule="An image must not be empty.",
            received="0 bytes",
            remedy="Choose another file.",
        )
    classification = Classification()
    classification.upload.save("upload", upload, save=False)
    classification.save()
    return classification


def judge(*, pk: str) -> None:
    """Decode the upload in a child process, ask the champion, keep the pixels for a while."""
    waiting = Classification.objects.filter(pk=pk, status=Classification.Status.WAITING)
    classification = waiting.first()
    if classification is None:
        return  # another worker got there first, or nobody waits any more
    with classification.upload.open("rb") as file:
        data = file.read()
    try:
        pixels = codec.decode_in_child(data)
    except codec.DecodeError as refusal:
        problem = {
            "code": refusal.code,
            "rule": refusal.rule,
            "received": refusal.received,
            "remedy": refusal.remedy,
        }
        waiting.update(
            status=Classification.Status.REFUSED, problem=problem, finished_at=timezone.now()
        )
        _drop_upload(classification)
        return
    champion = ModelVersion.objects.champion()
    prediction = models.classifier_of(champion).classify(pixels)
    image = images.keep(pixels)
    updated = waiting.update(
        status=Classification.Status.DONE,
        image=image,
        image_sha256=image.sha256,
        model=champion,
        label=prediction.label,
        scores=prediction.scores,
        finished_at=timezone.now(),
    )
    if not updated:
        images.forget(image)
    _drop_upload(classification)


def fail(*, pk: str) -> None:
    """The worker could not answer; say so instead of letting somebody wait."""
    waiting = Classification.objects.filter(pk=pk, status=Classification.Status.WAITING)
    for classification in waiting:
        if waiting.update(status=Classification.Status.FAILED, finished_at=timezone.now()):
            _drop_upload(classification)


def say(*, classification: Classification, right: bool) -> None:
    """Keep whether its visitor calls the answer right: once, with the scores, without the image."""
    if classification.status != Classification.Status.DONE or classification.model is None:
        raise WrongState(
            rule="An answer can be called right or wrong once it is there.",
            received=f"a classification that is {classification.status}",
            remedy="Wait for the answer.",
        )
    with transaction.atomic():
        unsaid = Classification.objects.filter(pk=classification.pk, said_right=None)
        if unsaid.update(said_right=right):
            DemoAnswer.objects.create(
                model=classification.model,
                label=classification.label,
                scores=classification.scores,
                right=right,
            )


def discard(classification: Classification) -> None:
    """Forget a classification and all its pixels."""
    _drop_upload(classification)
    if classification.image:
        images.forget(classification.image)
    classification.delete()


def forget_pixels(classification: Classification) -> None:
    """Remove the pixels, unless a report has taken them over meanwhile."""
    image = classification.image
    if image is None:
        return
    with transaction.atomic():
        still_ours = Classification.objects.filter(pk=classification.pk, image=image)
        if still_ours.update(image=None):
            images.forget(image)


def forget_old() -> None:
    """Remove the pixels of what was not reported in time, and all of it a day later.

    What was never answered is given up.
    """
    now = timezone.now()
    for lost in Classification.objects.filter(
        status=Classification.Status.WAITING, created_at__lt=now - PATIENCE
    ):
        fail(pk=str(lost.pk))
    keep = datetime.timedelta(minutes=settings.DEMO_IMAGE_MINUTES)
    old = Classification.objects.filter(image__isnull=False, created_at__lt=now - keep)
    for classification in old.select_related("image"):
        forget_pixels(classification)
    Classification.objects.filter(image__isnull=True, upload="", created_at__lt=now - KEPT).delete()


def _drop_upload(classification: Classification) -> None:
    if classification.upload:
        classification.upload.storage.delete(str(classification.upload.name))
        Classification.objects.filter(pk=classification.pk).update(upload="")
