"""Ask the inference worker, and wait for its answer as long as a visitor would."""

import threading
import time

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from feedback.errors import ClassifierBusy, ClassifierUnavailable, ImageRefused
from feedback.models import Classification, ModelVersion, Occlusion, Report, StoredImage
from feedback.services import classifications, occlusions, rejudging
from nsfwsite.intake.enqueue import enqueue
from worker import heartbeat
from worker.tasks.inference import classify_task, judge_report_task, occlude_task

_waiting_requests = threading.BoundedSemaphore(settings.WAITING_REQUESTS)
# With more images than this in the queue, visitors would give up before their turn comes.
QUEUE_LIMIT = 200


def classify(*, upload: UploadedFile) -> Classification:
    """Hand an image to the inference worker, or refuse at once when there is none."""
    refuse_without_worker()
    if heartbeat.queue_length("inference") >= QUEUE_LIMIT:
        raise ClassifierBusy(
            rule=f"At most {QUEUE_LIMIT} images wait for the classifier.",
            received="one more",
            remedy="Nothing was kept. Try again in a minute.",
        )
    classification = classifications.submit(upload=upload)
    if not enqueue(classify_task.delay_on_commit, str(classification.pk)):
        classifications.delete(classification)
        raise _no_answer()
    return classification


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


def raise_if_refused(classification: Classification) -> None:
    """Raise the refusal that the classification ended in, if it did.

    Raises
    ------
    ImageRefused
        The worker could not use the image.
    ClassifierUnavailable
        The worker failed to answer.
    """
    status = Classification.Status
    if classification.status == status.REFUSED:
        raise ImageRefused(**classification.problem)
    if classification.status == status.FAILED:
        raise _no_answer()


def _no_answer() -> ClassifierUnavailable:
    return ClassifierUnavailable(
        rule="An image is judged by an inference worker.",
        received="no answer from one",
        remedy="Nothing was kept. Try again in a few seconds.",
    )
