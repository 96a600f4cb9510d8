"""Send deliveries to webhooks, as Standard Webhooks describes it (standardwebhooks.com).

libcurl makes the requests. Every socket is opened here, after checking the IP address that it will
connect to, and redirects are not followed.
"""

import base64
import datetime
import hashlib
import hmac
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import certifi
import pycurl
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from feedback import queries
from feedback.models import Webhook, WebhookDelivery
from feedback.services.webhooks import secret_of
from modeltrain.importing.ip_addresses import is_inside, is_permitted

Status = WebhookDelivery.Status
CONNECT_SECONDS, REQUEST_MILLISECONDS = 5, 15_000
# How long one task sends, and how long nobody else sends meanwhile: longer by one request.
TURN_SECONDS = 20
CLAIM = datetime.timedelta(seconds=60)
MAX_ANSWER_BYTES = 64 * 1024  # nothing of it is read
OK, MULTIPLE_CHOICES, BAD_REQUEST, GONE = 200, 300, 400, 410
# How long to wait after each attempt that failed; after one more, the delivery is given up.
DELAYS = [
    datetime.timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 86400)
]
LONGEST_DELAY = DELAYS[-1]


@dataclass(frozen=True)
class WebhookAnswer:
    """What came back: a status, or 0 and the reason why there was none."""

    status: int
    words: str
    retry_after: float = 0


def send_due(*, pk: int) -> bool:
    """Send what is due to a webhook, unless another worker does.

    Returns
    -------
    bool
        Whether more is due: a task sends for `TURN_SECONDS`, so that others get their turn.
    """
    now = timezone.now()
    unclaimed = Webhook.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), pk=pk)
    if not unclaimed.update(claimed_until=now + CLAIM):
        return False
    due = queries.pending_work.deliveries_to_send().filter(webhook=pk).select_related("webhook")
    deadline = time.monotonic() + TURN_SECONDS
    try:
        while time.monotonic() < deadline and (delivery := due.first()):
            _attempt(delivery)
    finally:
        Webhook.objects.filter(pk=pk).update(claimed_until=None)
    return due.exists()


def signature(*, secret: str, message_id: str, timestamp: int, body: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _attempt(delivery: WebhookDelivery) -> None:
    timestamp = int(time.time())
    signed = signature(
        secret=secret_of(delivery.webhook),
        message_id=delivery.message_id,
        timestamp=timestamp,
        body=delivery.body,
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "SpeakUp-webhooks/1",
        "Webhook-Id": delivery.message_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": signed,
    }
    answer = post(delivery.webhook.url, headers=headers, body=delivery.body.encode())
    # It may have been deleted meanwhile, with its report or its webhook.
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, status=Status.WAITING)
    fields: dict[str, Any] = {"answer": answer.words, "attempts": F("attempts") + 1}
    if OK <= answer.status < MULTIPLE_CHOICES:
        rows.update(status=Status.DELIVERED, delivered_at=timezone.now(), **fields)
    elif answer.status == GONE:
        rows.update(**fields)
        _turn_off(delivery.webhook, "The receiver says that it is gone for good (410).")
    elif delivery.attempts < len(DELAYS):
        delay = max(DELAYS[delivery.attempts], datetime.timedelta(seconds=answer.retry_after))
        retry_at = timezone.now() + min(delay, LONGEST_DELAY)
        rows.update(retry_at=retry_at, **fields)
        if not answer.status:
            # A receiver that is down would keep a worker waiting once for each delivery.
            waiting = delivery.webhook.deliveries.filter(status=Status.WAITING)
            waiting.filter(retry_at__lt=retry_at).update(retry_at=retry_at)
    elif answer.status:
        rows.update(status=Status.FAILED, **fields)
    else:
        rows.update(**fields)
        _turn_off(delivery.webhook, f"Nothing was received for days: {answer.words}"[:200])


def _turn_off(webhook: Webhook, reason: str) -> None:
    """Send nothing more until a maintainer turns it on; what is to be sent waits."""
    Webhook.objects.filter(pk=webhook.pk).update(off_because=reason)


def post(url: str, *, headers: dict[str, str], body: bytes) -> WebhookAnswer:
    """Send a POST request to a public address, or to one in `WEBHOOK_NETWORKS`."""
    refused: list[str] = []

    def open_socket(purpose: int, address: Any) -> socket.socket | int:
        inet = address.family in {socket.AF_INET, socket.AF_INET6}
        host = str(address.addr[0]) if inet else str(address.addr)
        allowed = settings.WEBHOOK_NETWORKS
        encrypted = url.startswith("https://")
        if not (is_permitted(host, allowed) if encrypted else is_inside(host, allowed)):
            refused.append(host)
            return int(pycurl.SOCKET_BAD)
        return socket.socket(address.family, address.socktype, address.protocol)

    received = 0

    def discard(data: bytes) -> int:
        nonlocal received
        received += len(data)
        return len(data) if received <= MAX_ANSWER_BYTES else 0  # 0 ends the transfer

    with closing(pycurl.Curl()) as curl:
        for option, value in {
            pycurl.URL: url.encode(),
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PROXY: "",  # none, whatever the environment says
            pycurl.CAINFO: certifi.where(),
            pycurl.FOLLOWLOCATION: 0,
            pycurl.POSTFIELDS: body,
            pycurl.HTTPHEADER: [f"{name}: {text}" for name, text in headers.items()] + ["Expect:"],
            pycurl.NOSIGNAL: 1,
            pycurl.CONNECTTIMEOUT: CONNECT_SECONDS,
            pycurl.TIMEOUT_MS: REQUEST_MILLISECONDS,
            pycurl.OPENSOCKETFUNCTION: open_socket,
            pycurl.WRITEFUNCTION: discard,
        }.items():
            curl.setopt(option, value)
        try:
            curl.perform()
        except pycurl.error as error:
            arguments: tuple[int, str] = error.args  # type: ignore[assignment]
            code, message = arguments
            if refused:
                return WebhookAnswer(0, f"{refused[0]} is no address that webhooks may reach")
            if code != pycurl.E_WRITE_ERROR:
                return WebhookAnswer(0, message[:200])
        status = int(curl.getinfo(pycurl.RESPONSE_CODE))
        redirected = MULTIPLE_CHOICES <= status < BAD_REQUEST
        words = f"{status}, and redirects are not followed" if redirected else str(status)
        return WebhookAnswer(status, words, float(curl.getinfo(pycurl.RETRY_AFTER)))
