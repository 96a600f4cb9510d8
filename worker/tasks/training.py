from celery import shared_task

from feedback.services import retrains


@shared_task(name="training.run_retrain_task", soft_time_limit=2 * 3600, time_limit=2 * 3600 + 60)
def run_retrain_task(pk: int) -> None:
    retrains.run(pk=pk)
