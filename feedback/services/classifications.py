"""Accept an image, judge it, keep it for a while, and delete it."""

import datetime
from itertools import pairwise

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from feedback.disk import storage_full
from feedback.errors import ImageRefused, Refusal, WrongState
from feedback.models import Classification, DemoAnswer
from feedback.services import images, models, uploads
from modeltrain.images import codec
from modeltrain.images.codec import Limits, Pixels

# An image without an answer is given up after this time, unless its turn is still to come.
ANSWER_TIMEOUT = datetime.timedelta(minutes=2)
# Images are answered in the order in which they came, give or take the longest that one can take.
OVERTAKEN = datetime.timedelta(seconds=40)
# The rate is that of this many answers. Before there are any, one is assumed to take a second.
RATE_ANSWERS = 20
FIRST_SECONDS = 1.0
# Answers can be looked up for this long. What was reported is stored with its report.
ANSWER_LIFETIME = datetime.timedelta(days=1)


def submit(*, upload: "UploadedFile[bytes]") -> Classification:
    """Store the upload for the worker, without decoding it."""
    uploads.refuse_by_size(upload)
    classification = Classification()
    classification.upload.save("upload", upload, save=False)
    classification.save()
    return classification


def seconds_per_image() -> float:
    """The time in which the workers, all together, answer one image.

    An answer takes the time since the answer before it, or since its image came where the workers
    had nothing to do before.
    """
    answered = Classification.objects.filter(
        status__in=[Classification.Status.DONE, Classification.Status.REFUSED]
    )
    times = answered.order_by("-created_at").values_list("finished_at", "created_at")
    rows = sorted((end, start) for end, start in times[:RATE_ANSWERS] if end)
    seconds = [
        (end - max(start, end_before)).total_seconds()
        for (end_before, _), (end, start) in pairwise(rows)
    ]
    return sum(seconds) / len(seconds) if seconds else FIRST_SECONDS


def answer(*, pk: str, limits: Limits) -> Pixels | None:
    """Decode the upload in a child process, and ask a model.

    Parameters
    ----------
    pk
        Which classification.
    limits
        What its image may cost.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3], or None
        The pixels for `keep_image`. None if there is no answer, or another worker was first.
    """
    waiting = Classification.objects.filter(pk=pk, status=Classification.Status.WAITING)
    classification = waiting.first()
    if classification is None:
        return None  # another worker was first, or the wait is over
    with classification.upload.open("rb") as file:
        data = file.read()
    try:
        pixels = uploads.decode_or_refuse(data, limits=limits)
    except ImageRefused as refusal:
        waiting.update(
            status=Classification.Status.REFUSED,
            problem=_problem(refusal) | {"code": refusal.code},
            finished_at=timezone.now(),
        )
        _delete_upload(classification)
        return None
    model, classifier = models.classifier_in_service()
    prediction = classifier.classify(pixels)
    answered = waiting.update(
        status=Classification.Status.DONE,
        image_sha256=codec.pixel_sha256(pixels),
        model=model,
        label=prediction.label,
        scores=prediction.scores,
        finished_at=timezone.now(),
    )
    return pixels if answered else None


def keep_image(*, pk: str, pixels: Pixels) -> None:
    """Store the image of an answer in place of its upload, unless both were deleted meanwhile.

    The visitor has the answer before.
    """
    unkept = Classification.objects.filter(pk=pk).exclude(upload="")
    for classification in unkept:
        try:
            image = images.store(pixels)
        except Exception as error:
            full = storage_full(error)
            unkept.update(problem=_problem(full) if full else {})
            _delete_upload(classification)
            raise
        if unkept.update(image=image):
            _delete_upload(classification)
        else:
            images.delete_image(image)


def fail(*, pk: str, reason: BaseException | None = None) -> None:
    """Record that the worker could not answer, so that nobody waits for it."""
    full = storage_full(reason)
    problem = _problem(full) if full else {}
    waiting = Classification.objects.filter(pk=pk, status=Classification.Status.WAITING)
    for classification in waiting:
        if waiting.update(
            status=Classification.Status.FAILED, problem=problem, finished_at=timezone.now()
        ):
            _delete_upload(classification)


def _problem(refusal: Refusal) -> dict[str, str]:
    return {"rule": refusal.rule, "received": refusal.received, "remedy": refusal.remedy}


def record_feedback(*, classification: Classification, right: bool) -> None:
    """Store once whether the visitor calls the answer right, with the scores, without the image."""
    if classification.status != Classification.Status.DONE or classification.model is None:
        raise WrongState(
            rule="An answer can be called right or wrong once it is there.",
            received=f"a classification that is {classification.status}",
            remedy="Wait for the answer.",
        )
    with transaction.atomic():
        unrated = Classification.objects.filter(pk=classification.pk, said_right=None)
        if unrated.update(said_right=right):
            DemoAnswer.objects.create(
                model=classification.model,
                label=classification.label,
                scores=classification.scores,
                right=right,
            )


def delete(classification: Classification) -> None:
    """Delete a classification with its upload and image."""
    _delete_upload(classification)
    if classification.image:
        images.delete_image(classification.image)
    classification.delete()


def delete_image(classification: Classification) -> None:
    """Delete the image, unless a report has attached it meanwhile."""
    _delete_upload(classification)
    image = classification.image
    if image is None:
        return
    with transaction.atomic():
        unreported = Classification.objects.filter(pk=classification.pk, image=image)
        if unreported.update(image=None):
            images.delete_image(image)


def delete_expired() -> None:
    """Delete images that were not reported in time, and their answers a day later.

    Classifications that will never be answered fail. An image that will never be stored is gone.
    """
    now = timezone.now()
    for lost in _lost_classifications(now):
        fail(pk=str(lost.pk))
    for unkept in Classification.objects.filter(
        status=Classification.Status.DONE, finished_at__lt=now - ANSWER_TIMEOUT
    ).exclude(upload=""):
        _delete_upload(unkept)
    image_lifetime = datetime.timedelta(minutes=settings.DEMO_IMAGE_MINUTES)
    expired = Classification.objects.filter(
        image__isnull=False, created_at__lt=now - image_lifetime
    )
    for classification in expired.select_related("image"):
        delete_image(classification)
    Classification.objects.filter(
        image__isnull=True, upload="", created_at__lt=now - ANSWER_LIFETIME
    ).delete()


def _lost_classifications(now: datetime.datetime) -> "QuerySet[Classification]":
    """Those whose turn is over: later ones were answered, or none was for a long time."""
    answered = Classification.objects.filter(
        status__in=[Classification.Status.DONE, Classification.Status.REFUSED],
        finished_at__gt=now - ANSWER_TIMEOUT,
    )
    last = answered.order_by("-created_at").first()
    waiting = Classification.objects.filter(
        status=Classification.Status.WAITING, created_at__lt=now - ANSWER_TIMEOUT
    )
    return waiting.filter(created_at__lt=last.created_at - OVERTAKEN) if last else waiting


def _delete_upload(classification: Classification) -> None:
    if classification.upload:
        classification.upload.storage.delete(str(classification.upload.name))
        Classification.objects.filter(pk=classification.pk).update(upload="")
