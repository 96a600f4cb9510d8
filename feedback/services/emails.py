"""Email reporters who want news: first a confirmation request, then the outcomes of the report.

An address is in its row and nowhere else. Each email is claimed before it is sent, so it goes once.
"""

import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db.models import F
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import EmailAddress, Report
from feedback.models.email_address import new_nonce
from feedback.text import strip_unsafe_characters

log = structlog.get_logger()

MAX_LENGTH = 254
SALT = "the links in a letter"  # another one would break the links that were sent
UNCONFIRMED = datetime.timedelta(days=2)
CONFIRM, STOP = "confirm", "stop"
FIRST_RETRY_DELAY = datetime.timedelta(minutes=1)
SUBJECTS = {
    CONFIRM: "Shall we write to you about your report?",
    Report.Status.ACCEPTED: "A reviewer agreed with your report",
    Report.Status.REJECTED: "A reviewer did not agree with your report",
    Report.Status.ANSWERED: "A model that learnt from your report is in service",
}
FINAL_STATUSES = (Report.Status.WITHDRAWN, Report.Status.ESCALATED, Report.Status.ANSWERED)


def save_address(*, report: Report, address: str, site: str) -> EmailAddress:
    """Store an address in place of an earlier one. It only gets a confirmation request for now."""
    if not settings.SENDS_MAIL or report.status in FINAL_STATUSES:
        raise WrongState(
            rule="Mail is sent where the operator has set it up, while something is to come.",
            received="an address",
            remedy="Come back with the link of your receipt.",
        )
    address = strip_unsafe_characters(address)
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not 0 < len(address) <= MAX_LENGTH:
        raise Invalid(
            rule=f"An address looks like name@example.org, in at most {MAX_LENGTH} characters.",
            received="something else",
            remedy="Look at what you typed.",
        )
    row, _ = EmailAddress.objects.update_or_create(
        report=report,
        defaults={
            "address": address,
            "site": site.rstrip("/"),
            "nonce": new_nonce(),
            "asked_at": None,
            "confirmed_at": None,
            "told": 0,
            "failures": 0,
            "retry_at": timezone.now(),
            "created_at": timezone.now(),
        },
    )
    return row


def link(row: EmailAddress, purpose: str) -> str:
    return row.site + reverse(f"{purpose}-mail", args=[token_of(row)])


def token_of(row: EmailAddress) -> str:
    return signing.dumps([row.pk, row.nonce], salt=SALT)


def address_of(*, token: str) -> EmailAddress | None:
    """The row that a link refers to, or None if it was deleted."""
    try:
        pk, nonce = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return EmailAddress.objects.select_related("report").filter(pk=pk, nonce=nonce).first()


def confirm(*, row: EmailAddress) -> None:
    """Confirm an address. It gets news of later events; earlier ones are on the receipt."""
    last_event = row.report.events.last()
    unconfirmed = EmailAddress.objects.filter(pk=row.pk, nonce=row.nonce, confirmed_at=None)
    # The request may have arrived although sending it seemed to fail.
    asked_at = Coalesce("asked_at", timezone.now())
    unconfirmed.update(
        confirmed_at=timezone.now(), asked_at=asked_at, told=last_event.pk if last_event else 0
    )


def delete_address(*, report: Report) -> None:
    EmailAddress.objects.filter(report=report).delete()


def delete_unconfirmed() -> None:
    cutoff = timezone.now() - UNCONFIRMED
    EmailAddress.objects.filter(confirmed_at=None, created_at__lt=cutoff).delete()


def send(*, pk: int) -> None:
    """Send the email that is due to an address, unless another worker sends it."""
    row = queries.pending_work.emails_to_send().filter(pk=pk).select_related("report").first()
    if row is None:
        return
    event = row.report.events.filter(status__in=EmailAddress.NOTIFIED).last()
    unsent: dict[str, Any]
    sent: dict[str, Any]
    if row.asked_at is None or event is None:
        subject, unsent, sent = CONFIRM, {"asked_at": None}, {"asked_at": timezone.now()}
    else:
        subject, unsent, sent = event.status, {"told": row.told}, {"told": event.pk}
    rows = EmailAddress.objects.filter(pk=pk, nonce=row.nonce, confirmed_at=row.confirmed_at)
    if not rows.filter(**unsent).update(**sent):
        return
    if _deliver(row, subject):
        rows.update(failures=0)
        if subject == Report.Status.ANSWERED:
            rows.delete()
    elif row.failures + 1 < EmailAddress.MAX_ATTEMPTS:
        retry_at = timezone.now() + FIRST_RETRY_DELAY * 4**row.failures
        rows.update(failures=F("failures") + 1, retry_at=retry_at, **unsent)
    else:
        rows.update(failures=0)  # this email is not tried again


def _deliver(row: EmailAddress, subject: str) -> bool:
    stop = link(row, STOP)
    context = {
        "confirm": link(row, CONFIRM),
        "days": UNCONFIRMED.days,
        "receipt": row.site + reverse("receipt", args=[row.report.receipt]),
        "subject": subject,
        "stop": stop,
    }
    template = CONFIRM if subject == CONFIRM else "news"
    message = EmailMessage(
        subject=SUBJECTS[subject],
        body=render_to_string(f"feedback/mail/{template}.txt", context),
        to=[row.address],
        headers={
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    try:
        message.send()
    except (OSError, ValueError) as error:
        # The text of the error may contain the address, so only its class is logged.
        log.warning("email was not sent", subject=subject, problem=type(error).__name__)
        return False
    return True
