from celery import shared_task

from feedback.services import findings, retrains


@shared_task(name="training.run_retrain_task", soft_time_limit=7 * 3600, time_limit=7 * 3600 + 60)
def run_retrain_task(pk: int) -> None:
    retrains.run(pk=pk)


@shared_task(name="training.run_finding_task", soft_time_limit=3600, time_limit=3660)
def run_finding_task(pk: int) -> None:
    findings.run(pk=pk)
