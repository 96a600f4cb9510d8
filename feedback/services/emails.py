"""Write to a reporter who wants that: once to ask, then when something became of the report.

An address is in its row and nowhere else. What is sent is claimed first, so it is sent once.
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
from feedback.text import inert

log = structlog.get_logger()

LONGEST = 254
SALT = "the links in a letter"
UNCONFIRMED = datetime.timedelta(days=2)
CONFIRM, STOP = "confirm", "stop"
FIRST_PAUSE = datetime.timedelta(minutes=1)
SUBJECTS = {
    CONFIRM: "Shall we write to you about your report?",
    Report.Status.ACCEPTED: "A reviewer agreed with your report",
    Report.Status.REJECTED: "A reviewer did not agree with your report",
    Report.Status.ANSWERED: "A model that learnt from your report is in service",
}
OVER = (Report.Status.WITHDRAWN, Report.Status.ESCALATED, Report.Status.ANSWERED)


def leave(*, report: Report, address: str, site: str) -> EmailAddress:
    """Keep an address in place of the one before. All that it gets is one question."""
    if not settings.SENDS_MAIL or report.status in OVER:
        raise WrongState(
            rule="Mail is sent where the operator has set it up, while something is to come.",
            received="an address",
            remedy="Come back with the link of your receipt.",
        )
    address = inert(address)
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not 0 < len(address) <= LONGEST:
        raise Invalid(
            rule=f"An address looks like name@example.org, in at most {LONGEST} characters.",
            received="something else",
            remedy="Look at what you typed.",
        )
    kept, _ = EmailAddress.objects.update_or_create(
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
    return kept


def link(row: EmailAddress, purpose: str) -> str:
    return row.site + reverse(f"{purpose}-mail", args=[token_of(row)])


def token_of(row: EmailAddress) -> str:
    return signing.dumps([row.pk, row.nonce], salt=SALT)


def address_of(*, token: str) -> EmailAddress | None:
    """The row that a link is about, while it is there."""
    try:
        pk, nonce = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return EmailAddress.objects.select_related("report").filter(pk=pk, nonce=nonce).first()


def confirm(*, row: EmailAddress) -> None:
    """From now on; what became of the report before is on its receipt."""
    last = row.report.events.last()
    unconfirmed = EmailAddress.objects.filter(pk=row.pk, nonce=row.nonce, confirmed_at=None)
    # A question may arrive although its sending seemed to fail.
    asked = Coalesce("asked_at", timezone.now())
    unconfirmed.update(confirmed_at=timezone.now(), asked_at=asked, told=last.pk if last else 0)


def forget(*, report: Report) -> None:
    EmailAddress.objects.filter(report=report).delete()


def forget_unconfirmed() -> None:
    edge = timezone.now() - UNCONFIRMED
    EmailAddress.objects.filter(confirmed_at=None, created_at__lt=edge).delete()


def write(*, pk: int) -> None:
    """Send the letter that is due to an address, unless another worker is at it."""
    row = queries.pending_work.emails_to_send().filter(pk=pk).select_related("report").first()
    if row is None:
        return
    step = row.report.events.filter(status__in=EmailAddress.TOLD).last()
    before: dict[str, Any]
    after: dict[str, Any]
    if row.asked_at is None or step is None:
        letter, before, after = CONFIRM, {"asked_at": None}, {"asked_at": timezone.now()}
    else:
        letter, before, after = step.status, {"told": row.told}, {"told": step.pk}
    mine = EmailAddress.objects.filter(pk=pk, nonce=row.nonce, confirmed_at=row.confirmed_at)
    if not mine.filter(**before).update(**after):
        return
    if _sent(row, letter):
        mine.update(failures=0)
        if letter == Report.Status.ANSWERED:
            mine.delete()
    elif row.failures + 1 < EmailAddress.TRIES:
        later = timezone.now() + FIRST_PAUSE * 4**row.failures
        mine.update(failures=F("failures") + 1, retry_at=later, **before)
    else:
        mine.update(failures=0)  # this letter is given up


def _sent(row: EmailAddress, letter: str) -> bool:
    stop = link(row, STOP)
    words = {
        "confirm": link(row, CONFIRM),
        "days": UNCONFIRMED.days,
        "receipt": row.site + reverse("receipt", args=[row.report.receipt]),
        "letter": letter,
        "stop": stop,
    }
    template = CONFIRM if letter == CONFIRM else "news"
    message = EmailMessage(
        subject=SUBJECTS[letter],
        body=render_to_string(f"feedback/mail/{template}.txt", words),
        to=[row.address],
        headers={
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    try:
        message.send()
    except (OSError, ValueError) as problem:
        # Its words may hold the address, so only its name is written down.
        log.warning("mail was not sent", letter=letter, problem=type(problem).__name__)
        return False
    return True
