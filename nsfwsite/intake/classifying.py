"""Ask the inference worker, and wait for its answer as long as a visitor would."""

import threading
import time

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from feedback.errors import (
    ClassifierBusy,
    ClassifierUnavailable,
    ImageRefused,
)
from feedback.models import (
    Classification,
    ModelVersion,
    Occlusion,
    Report,
    StoredImage,
)
from feedback.services import (
    answers,
    classifications,
    occlusions,
)
from nsfwsite.intake.enqueue import enqueue
from worker import heartbeat
from worker.tasks.inference import classify_task, judge_report_task, occlude_task

_waiting_requests = threading.BoundedSemaphore(settings.WAITING_REQUESTS)
# What waits beyond this would not be judged before its visitor is told that nobody answered.
QUEUE_LIMIT = 200


def classify(*, upload: UploadedFile) -> Classification:
    """Hand an image to the inference worker, or refuse at once when there is none."""
    refuse_without_worker()
    if heartbeat.waiting("inference") >= QUEUE_LIMIT:
        raise ClassifierBusy(
            rule=f"At most {QUEUE_LIMIT} images wait for the classifier.",
            received="one more",
            remedy="Nothing was kept. Try again in a minute.",
        )
    classification = classifications.submit(upload=upload)
    if not enqueue(classify_task.delay_on_commit, str(classification.pk)):
        classifications.discard(classification)
        raise _away()
    return classification


def refuse_without_worker() -> None:
    if not heartbeat.alive("inference"):
        raise _away()


def judge_by_champion(*, report: Report) -> None:
    """Have a report judged that the model in service has not seen."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    if champion and answers.unanswered(champion).filter(report=report).exists():
        enqueue(judge_report_task.delay_on_commit, report.pk)


def occlude(*, image: StoredImage) -> Occlusion:
    """Have it found what moves the score of a picture, or refuse at once where nobody can."""
    refuse_without_worker()
    asked = occlusions.request(image=image)
    enqueue(occlude_task.delay_on_commit, asked.pk)
    return asked


def wait(*, classification: Classification, seconds: float) -> Classification:
    """Wait for the worker, unless so many requests wait that the site would stand still."""
    deadline = time.monotonic() + seconds
    if _waiting_requests.acquire(blocking=False):
        try:
            while (
                classification.status == Classification.Status.WAITING
                and (left := deadline - time.monotonic()) > 0
            ):
                heartbeat.wait(str(classification.pk), min(left, 2.0))
                classification.refresh_from_db()
        finally:
            _waiting_requests.release()
    else:
        classification.refresh_from_db()
    return classification


def judged(classification: Classification) -> Classification:
    """The same classification, or the refusal that it ended in."""
    status = Classification.Status
    if classification.status == status.REFUSED:
        problem = dict(classification.problem)
        problem.pop("code", None)
        raise ImageRefused(**problem)
    if classification.status == status.FAILED:
        raise _away()
    return classification


def _away() -> ClassifierUnavailable:
    return ClassifierUnavailable(
        rule="An image is judged by an inference worker.",
        received="no answer from one",
        remedy="Nothing was kept. Try again in a few seconds.",
    )
