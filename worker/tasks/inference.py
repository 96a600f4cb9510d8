from celery import shared_task

from feedback.services import classifications
from worker import pulse


@shared_task(name="inference.classify_task", soft_time_limit=30, time_limit=40)
def classify_task(pk: str) -> None:
    try:
        classifications.judge(pk=pk)
    except Exception:
        classifications.fail(pk=pk)
        raise
    finally:
        pulse.ring(pk)
