from celery import shared_task

from feedback.services import emails


@shared_task(name="mail.send_email_task", soft_time_limit=60, time_limit=70)
def send_email_task(pk: int) -> None:
    emails.send(pk=pk)
