from celery import shared_task

from feedback.models import ModelVersion
from feedback.services import rejudging, reports


@shared_task(name="reports.screen_report_task", soft_time_limit=60, time_limit=70)
def screen_report_task(pk: int) -> None:
    reports.screen(pk=pk)


@shared_task(name="reports.answer_reports_task", soft_time_limit=3600, time_limit=3660)
def answer_reports_task() -> None:
    rejudging.answer_reports(model=ModelVersion.objects.champion())
