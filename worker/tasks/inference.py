from collections.abc import Mapping
from typing import Any

from celery import shared_task

from feedback.services import classifications, models, occlusions, rejudging, samples
from modeltrain.images import cage
from modeltrain.images.decoder import Limits
from worker import heartbeat


@shared_task(name="inference.classify_task", soft_time_limit=30, time_limit=40)
def classify_task(pk: str, limits: Mapping[str, Any] | None = None, keep: bool = True) -> None:
    """Answer an image within limits, those of the site by default, and store it if it is kept."""
    try:
        pixels = classifications.answer(pk=pk, limits=Limits(**(limits or {})))
    except Exception as error:
        classifications.fail(pk=pk, reason=error)
        raise
    finally:
        heartbeat.notify(pk)
    if keep and pixels is not None:
        try:
            classifications.keep_image(pk=pk, pixels=pixels)
        finally:
            heartbeat.notify(heartbeat.image_of(pk))


@shared_task(name="inference.check_service_task", soft_time_limit=50, time_limit=60)
def check_service_task() -> None:
    """Classify an image, say for a while that the site is ready to, and classify new samples."""
    if models.check_service():
        heartbeat.confirm_service(cage_lacks=cage.missing_layers())
        samples.answer_new()


@shared_task(name="inference.judge_report_task", soft_time_limit=120, time_limit=130)
def judge_report_task(pk: int) -> None:
    rejudging.judge_report(pk=pk)


@shared_task(name="inference.occlude_task", soft_time_limit=60, time_limit=70)
def occlude_task(pk: int) -> None:
    try:
        more = occlusions.score_next_row(pk=pk)
    except Exception as error:
        occlusions.fail(pk=pk, reason=type(error).__name__)
        raise
    if more:
        occlude_task.delay_on_commit(pk)
