"""Emails, as the worker sends them."""

from django.core import mail

from feedback.models import EmailAddress
from worker.tasks.mail import send_email_task


def test_confirmation_request_is_sent_once(filed, settings) -> None:
    settings.SENDS_MAIL = True
    address = EmailAddress.objects.create(
        report=filed(), address="rosa@example.org", site="https://speakup.example"
    )
    send_email_task(address.pk)
    send_email_task(address.pk)
    (email,) = mail.outbox
    assert email.to == ["rosa@example.org"]


def test_address_that_was_deleted_gets_no_email(db) -> None:
    send_email_task(1)
    assert mail.outbox == []
