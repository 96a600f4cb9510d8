"""Webhooks, and the deliveries that are due to them.

Every event is an entry of the ledger and has the same content. Its deliveries are written in the
same transaction; `webhook_requests` sends them.
"""

import base64
import datetime
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from feedback.errors import Invalid, WrongState
from feedback.models import LedgerEntry, Report, Webhook, WebhookDelivery

log = structlog.get_logger()

Event, Status = Webhook.Event, WebhookDelivery.Status
# Those that a maintainer can choose.
CHOICES = [(event.value, event.label) for event in Event if event != Event.ADDED]
KEPT = datetime.timedelta(days=30)
MAX_URL_LENGTH = 500
_EVENTS = {
    LedgerEntry.Kind.AUDIT: Event.AUDIT,
    LedgerEntry.Kind.GATE: Event.GATE,
    LedgerEntry.Kind.PROMOTION: Event.PROMOTED,
    LedgerEntry.Kind.ROLLBACK: Event.ROLLED_BACK,
}
_OUTCOMES = {
    "accepted": Event.ACCEPTED,
    "rejected": Event.REJECTED,
    "taken back": Event.TAKEN_BACK,
    "answered": Event.ANSWERED,
}


def record(entry: LedgerEntry, *, report: Report | None = None) -> None:
    """Write a delivery for every webhook that wants this event, in the transaction of the entry."""
    event = _OUTCOMES.get(entry.facts["outcome"]) if report else _EVENTS.get(_kind(entry))
    if event is None:
        return
    for webhook in Webhook.objects.all():
        if event not in webhook.events:
            continue
        data = {"entry": entry.number, **entry.facts}
        if report and webhook.account_id:
            if report.filed_by_id != webhook.account_id:
                continue
            data["receipt"] = report.receipt
        _deliver(webhook, event, data, report)


def _kind(entry: LedgerEntry) -> LedgerEntry.Kind:
    return LedgerEntry.Kind(entry.kind)


def _deliver(
    webhook: Webhook, event: Webhook.Event, data: dict[str, object], report: Report | None = None
) -> None:
    timestamp = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    body = json.dumps({"type": event.value, "timestamp": timestamp, "data": data})
    WebhookDelivery.objects.create(webhook=webhook, event=event, report=report, body=body)


def secret_of(webhook: Webhook) -> str:
    """The key that signs what is sent, as Standard Webhooks writes it."""
    key = salted_hmac("a webhook", webhook.nonce, algorithm="sha256").digest()
    return f"whsec_{base64.b64encode(key).decode()}"


def add(*, url: str, events: Sequence[str], account: str = "", by: User) -> Webhook:
    """Add a webhook. Its first delivery says so, and shows whether the receiver works.

    Parameters
    ----------
    account
        The name of an account. The webhook is told of reports that were filed with its tokens,
        with their receipts, and of no others. Without one, it is told of all, without receipts.
    """
    names = [name for name, _ in CHOICES if name in events]
    if unknown := sorted(set(events) - set(names)):
        raise Invalid(
            rule=f"An event is one of {', '.join(name for name, _ in CHOICES)}.",
            received=", ".join(map(repr, unknown)),
            remedy="Choose among these.",
        )
    if not names:
        raise Invalid(
            rule="A webhook is told of at least one event.",
            received="none",
            remedy="Choose the events that the receiver needs.",
        )
    user = User.objects.filter(username=account, is_active=True).first() if account else None
    if account and user is None:
        raise Invalid(
            rule="Receipts are sent of the reports of an account of this site.",
            received=repr(account),
            remedy="Name an account that exists, or none.",
        )
    with transaction.atomic():
        webhook = Webhook.objects.create(
            url=_checked(url.strip()), events=names, account=user, created_by=by
        )
        _deliver(webhook, Event.ADDED, {"events": names})
    log.info("webhook added", webhook=webhook.pk, by=by.pk)
    return webhook


def _checked(url: str) -> str:
    schemes = ("https", "http") if settings.WEBHOOK_NETWORKS else ("https",)
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in schemes
            and bool(parts.hostname)
            and parts.port != 0
            and not (parts.username or parts.password or parts.fragment)
            and len(url) <= MAX_URL_LENGTH
            and url.isascii()
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        valid = False
    if not valid:
        raise Invalid(
            rule=f"The address begins with {' or '.join(f'{name}://' for name in schemes)}, has a "
            f"host, neither password nor #, and at most {MAX_URL_LENGTH} characters.",
            received=repr(url[:MAX_URL_LENGTH]),
            remedy="Send the address of the receiver as it is called from this machine.",
        )
    return url


def delete(*, webhook: Webhook, by: User) -> None:
    """Delete a webhook with its deliveries: nothing is sent to it any more."""
    log.info("webhook deleted", webhook=webhook.pk, by=by.pk)
    webhook.delete()


@transaction.atomic
def turn_on(*, webhook: Webhook) -> None:
    """Send again to a webhook that was turned off: first everything that waits."""
    if not Webhook.objects.filter(pk=webhook.pk).exclude(off_because="").update(off_because=""):
        raise WrongState(
            rule="A webhook can be turned on that is off.",
            received=f"{webhook}, which is on",
            remedy="Look at its deliveries.",
        )
    webhook.deliveries.filter(status=Status.WAITING).update(attempts=0, retry_at=timezone.now())


def send_again(*, delivery: WebhookDelivery) -> None:
    """Send a delivery again that arrived or was given up: the same message, signed anew."""
    finished = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(status=Status.WAITING)
    if not finished.update(
        status=Status.WAITING, attempts=0, retry_at=timezone.now(), delivered_at=None
    ):
        raise WrongState(
            rule="What was delivered, or was given up, can be sent again.",
            received="a delivery that waits to be sent",
            remedy="Wait for its next attempt, or turn the webhook on if it is off.",
        )


def delete_old() -> None:
    """Delete deliveries that are older than `KEPT`, whatever became of them."""
    WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
