"""Ask the inference worker, and wait for its answer as long as a visitor would."""

import dataclasses
import math
import threading
import time

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from feedback.errors import ClassifierBusy, ClassifierUnavailable, ImageRefused, StorageFull
from feedback.models import Classification, ModelVersion, Occlusion, Report, StoredImage
from feedback.services import classifications, occlusions, rejudging
from modeltrain.images.codec import Limits
from nsfwsite.intake.enqueue import enqueue
from worker import heartbeat
from worker.tasks.inference import classify_task, judge_report_task, occlude_task

_waiting_requests = threading.BoundedSemaphore(settings.WAITING_REQUESTS)
# No image is accepted that would have to wait longer: visitors would give up before its turn comes.
LONGEST_QUEUE_SECONDS = 60
# A report waits this long for the worker to store an image that it has answered just now.
STORE_SECONDS = 10.0


def classify(
    *, upload: UploadedFile, limits: Limits | None = None, keep: bool = True
) -> Classification:
    """Hand an image to the inference worker, or refuse at once when there is none.

    Parameters
    ----------
    upload
        The image.
    limits
        What it may cost, if not what images of the site may.
    keep
        Whether it is stored for a while, so that it can be reported.
    """
    refuse_without_worker()
    _refuse_long_wait()
    classification = classifications.submit(upload=upload)
    costs = dataclasses.asdict(limits) if limits else None
    if not enqueue(classify_task.delay_on_commit, str(classification.pk), costs, keep):
        classifications.delete(classification)
        raise _no_answer()
    return classification


def _refuse_long_wait() -> None:
    """Refuse an image that would wait too long, at the rate at which images are answered now.

    With nobody in the queue it is accepted in any case: that is how a new rate is learnt.
    """
    queue_length = heartbeat.queue_length("inference")
    wait = queue_length * classifications.seconds_per_image() if queue_length else 0
    if wait <= LONGEST_QUEUE_SECONDS:
        return
    retry_after = max(5, math.ceil(wait - LONGEST_QUEUE_SECONDS))
    raise ClassifierBusy(
        rule=f"An image is accepted if its turn comes within {LONGEST_QUEUE_SECONDS} seconds.",
        received=f"one for which it would take about {math.ceil(wait)} seconds",
        remedy=f"Nothing was kept. Try again in {retry_after} seconds.",
        retry_after=retry_after,
    )


def refuse_without_worker() -> None:
    if not heartbeat.alive("inference"):
        raise _no_answer()


def judge_by_champion(*, report: Report) -> None:
    """Have the model in service answer a report's images, if it has not yet."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    if champion and rejudging.unjudged_examples(champion).filter(report=report).exists():
        enqueue(judge_report_task.delay_on_commit, report.pk)


def request_occlusion(*, image: StoredImage) -> Occlusion:
    """Have a worker find what moves the score of an image, or refuse at once if there is none."""
    refuse_without_worker()
    occlusion = occlusions.request(image=image)
    enqueue(occlude_task.delay_on_commit, occlusion.pk)
    return occlusion


def wait_for_answer(*, classification: Classification, seconds: float) -> None:
    """Wait for the worker, and refresh the classification.

    Returns at once when so many requests wait already that the site would stand still.
    """
    deadline = time.monotonic() + seconds
    if _waiting_requests.acquire(blocking=False):
        try:
            while (
                classification.status == Classification.Status.WAITING
                and (remaining := deadline - time.monotonic()) > 0
            ):
                heartbeat.wait(str(classification.pk), min(remaining, 2.0))
                classification.refresh_from_db()
        finally:
            _waiting_requests.release()
    else:
        classification.refresh_from_db()


def wait_for_image(*, classification: Classification) -> None:
    """Wait until the worker has stored the image of an answer, and refresh the classification.

    Raises
    ------
    ClassifierBusy
        It takes too long.
    """
    deadline = time.monotonic() + STORE_SECONDS
    classification.refresh_from_db()
    while classification.upload:
        if (remaining := deadline - time.monotonic()) <= 0:
            raise ClassifierBusy(
                rule=f"The image of an answer is stored within {STORE_SECONDS:g} seconds.",
                received="an answer without its image",
                remedy="Nothing was kept. Try again in a minute.",
            )
        heartbeat.wait(heartbeat.image_of(str(classification.pk)), remaining)
        classification.refresh_from_db()


def poll_seconds(classification: Classification) -> int:
    """How long to wait before the next look at whether there is an answer: 1 to 10 seconds.

    It is a quarter of the time since the upload. Otherwise, when many wait long, their questions
    would take the processor from pages and from the images themselves.
    """
    waited = timezone.now() - classification.created_at
    return min(max(1, int(waited.total_seconds() / 4)), 10)


def raise_if_refused(classification: Classification) -> None:
    """Raise the refusal that the classification ended in, if it did.

    Raises
    ------
    ImageRefused
        The worker could not use the image.
    ClassifierUnavailable
        The worker failed to answer.
    StorageFull
        The worker could not store the image.
    """
    status = Classification.Status
    if classification.status == status.REFUSED:
        raise ImageRefused(**classification.problem)
    if classification.status == status.FAILED and classification.problem:
        raise StorageFull(**classification.problem)
    if classification.status == status.FAILED:
        raise _no_answer()


def _no_answer() -> ClassifierUnavailable:
    return ClassifierUnavailable(
        rule="An image is judged by an inference worker.",
        received="no answer from one",
        remedy="Nothing was kept. Try again in a few seconds.",
    )
