from celery import shared_task

from feedback.services import webhook_requests


@shared_task(name="webhooks.send_deliveries_task", soft_time_limit=60, time_limit=70)
def send_deliveries_task(pk: int) -> None:
    if webhook_requests.send_due(pk=pk):
        send_deliveries_task.delay_on_commit(pk)
