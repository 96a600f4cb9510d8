from celery import shared_task

from feedback.services import emails


@shared_task(name="mail.write_letter_task", soft_time_limit=60, time_limit=70)
def write_letter_task(pk: int) -> None:
    emails.write(pk=pk)
