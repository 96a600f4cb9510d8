"""Deliveries, sent to a receiver on this machine."""

import contextlib
import datetime
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import LedgerEntry, Webhook
from feedback.services import ledger, webhook_requests, webhooks
from feedback.services.webhook_requests import DELAYS, post, send_due

pytestmark = pytest.mark.django_db
PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
DOCUMENTED_CHECK = PAGE.partition("```python\n")[2].partition("```")[0]


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers as it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.received: list[tuple[str, dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received.append((self.path, dict(self.headers), body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _inside(settings) -> None:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def webhook(receiver, mona) -> Webhook:
    """A webhook that has been told that it was added."""
    webhook = webhooks.add(url=receiver.url, events=["gate.decided"], by=mona)
    send_due(pk=webhook.pk)
    receiver.received.clear()
    return webhook


@pytest.fixture
def other(webhook, receiver, mona) -> Webhook:
    """A second webhook, to which nothing has been sent."""
    return webhooks.add(url=receiver.url, events=["gate.decided"], by=mona)


def decide(times: int = 1) -> None:
    for _ in range(times):
        ledger.write(LedgerEntry.Kind.GATE, verdict="pass")


def wait_is_over(webhook: Webhook) -> None:
    webhook.deliveries.update(retry_at=timezone.now())


def test_a_receiver_can_check_who_sent_a_message_and_when(webhook, receiver) -> None:
    decide()
    assert not send_due(pk=webhook.pk)
    ((path, headers, body),) = receiver.received
    assert path == "/hooks"
    assert json.loads(body)["data"]["verdict"] == "pass"
    documented: dict[str, Any] = {}
    exec(DOCUMENTED_CHECK, documented)
    is_genuine, secret = documented["is_genuine"], webhooks.secret_of(webhook)
    assert is_genuine(headers, body.encode(), secret)
    assert not is_genuine(headers, body.replace("pass", "fail").encode(), secret)
    later = str(int(headers["Webhook-Timestamp"]) + 1)
    assert not is_genuine({**headers, "Webhook-Timestamp": later}, body.encode(), secret)
    assert not is_genuine({**headers, "Webhook-Timestamp": "1614265330"}, body.encode(), secret)
    delivery = webhook.deliveries.get(event="gate.decided")
    assert (delivery.status, delivery.answer, delivery.attempts) == ("delivered", "204", 1)


def test_the_published_example_of_a_signature() -> None:
    """From the specification's own test vector, which every library checks itself by."""
    assert (
        webhook_requests.signature(
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body='{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_messages_arrive_in_order_and_once(webhook, receiver) -> None:
    decide(3)
    send_due(pk=webhook.pk)
    send_due(pk=webhook.pk)
    entries = [json.loads(body)["data"]["entry"] for _, _, body in receiver.received]
    assert entries == sorted(set(entries))
    assert len(entries) == 3


def test_an_error_is_tried_again_later_with_the_same_message(webhook, receiver) -> None:
    receiver.answers = [(500, {}), (503, {"Retry-After": "600"})]
    decide()
    for least in (DELAYS[0], datetime.timedelta(minutes=10)):
        before = timezone.now()
        send_due(pk=webhook.pk)
        delivery = webhook.deliveries.get(event="gate.decided")
        assert delivery.status == "waiting"
        assert delivery.retry_at - before >= least
        assert not queries.pending_work.webhooks_to_send()
        wait_is_over(webhook)
    send_due(pk=webhook.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("delivered", 3)
    sent = [(headers["Webhook-Id"], body) for _, headers, body in receiver.received]
    assert len(sent) == 3
    assert len(set(sent)) == 1


def test_an_error_holds_up_no_other_message(webhook, receiver) -> None:
    receiver.answers = [(500, {})]
    decide(2)
    send_due(pk=webhook.pk)
    statuses = webhook.deliveries.filter(event="gate.decided").values_list("status", flat=True)
    assert sorted(statuses) == ["delivered", "waiting"]


def test_a_receiver_that_is_down_is_tried_once_whatever_waits(webhook, receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        Webhook.objects.update(url=f"http://127.0.0.1:{unused.getsockname()[1]}/")
        decide(3)
        assert not send_due(pk=webhook.pk)
    deliveries = webhook.deliveries.filter(event="gate.decided")
    assert sorted(deliveries.values_list("attempts", flat=True)) == [0, 0, 1]
    assert set(deliveries.values_list("status", flat=True)) == {"waiting"}
    assert not queries.pending_work.webhooks_to_send()
    earlier = webhook.deliveries.get(event="webhook.added")
    assert earlier.retry_at < earlier.delivered_at


def test_a_receiver_that_is_down_is_not_tried_before_a_message_is_due(webhook, settings) -> None:
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    decide()
    webhook.deliveries.filter(event="gate.decided").update(retry_at=tomorrow)
    decide()
    settings.WEBHOOK_NETWORKS = []
    send_due(pk=webhook.pk)
    assert webhook.deliveries.filter(attempts=0, retry_at=tomorrow).count() == 1


def test_a_receiver_that_hangs_is_given_up_in_bounded_time(monkeypatch) -> None:
    monkeypatch.setattr(webhook_requests, "REQUEST_MILLISECONDS", 100)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = post(f"http://127.0.0.1:{silent.getsockname()[1]}/", headers={}, body=b"{}")
    assert answer.status == 0
    assert "timed out" in answer.words.lower()


def test_an_answer_is_not_read_to_its_end() -> None:
    sent = []

    def answer_without_end(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(64):
                connection.sendall(bytes(2**20))
                sent.append(2**20)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_without_end, args=(server,))
        thread.start()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", headers={}, body=b"{}")
        thread.join()
    assert (answer.status, answer.words) == (200, "200")
    assert len(sent) < 64


def test_after_the_last_attempt_a_message_is_given_up_and_can_be_sent_again(
    webhook, receiver
) -> None:
    decide()
    webhook.deliveries.filter(event="gate.decided").update(attempts=len(DELAYS))
    receiver.answers = [(500, {})]
    send_due(pk=webhook.pk)
    delivery = webhook.deliveries.get(event="gate.decided")
    assert (delivery.status, delivery.answer) == ("failed", "500")

    for _ in range(2):  # a message that was given up, and one that arrived
        webhook.deliveries.update(retry_at=timezone.now() + datetime.timedelta(hours=1))
        webhooks.send_again(delivery=delivery)
        send_due(pk=webhook.pk)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == ("delivered", 1)
    ids = [headers["Webhook-Id"] for _, headers, _ in receiver.received]
    assert ids == [delivery.message_id] * 3


def test_a_webhook_whose_receiver_is_gone_is_off_and_keeps_what_waits(
    webhook, receiver, mona
) -> None:
    off = Webhook.objects.create(url=receiver.url, off_because="Another reason.", created_by=mona)
    on = Webhook.objects.create(url=receiver.url, created_by=mona)
    receiver.answers = [(410, {})]
    decide(2)
    assert not send_due(pk=webhook.pk)
    webhook.refresh_from_db()
    assert "gone for good" in webhook.off_because
    assert len(receiver.received) == 1
    assert [(row.attempts, row.answer) for row in webhook.deliveries.order_by("created_at")] == [
        *((1, "204"), (1, "410"), (0, ""))
    ]
    decide()
    assert not queries.pending_work.webhooks_to_send()

    webhook.deliveries.update(retry_at=timezone.now() + datetime.timedelta(hours=1))
    webhooks.turn_on(webhook=webhook)
    assert list(webhook.deliveries.values_list("attempts", flat=True)) == [0, 0, 0, 1]
    assert queries.pending_work.webhooks_to_send() == [webhook.pk]
    send_due(pk=webhook.pk)
    assert not webhook.deliveries.exclude(status="delivered").exists()
    for row, reason in ((off, "Another reason."), (on, "")):
        row.refresh_from_db()
        assert row.off_because == reason
    with pytest.raises(WrongState, match="is on"):
        webhooks.turn_on(webhook=webhook)


def test_days_without_an_answer_turn_it_off(webhook, settings) -> None:
    decide()
    webhook.deliveries.filter(event="gate.decided").update(attempts=len(DELAYS))
    settings.WEBHOOK_NETWORKS = []
    send_due(pk=webhook.pk)
    webhook.refresh_from_db()
    assert "no address that webhooks may reach" in webhook.off_because
    delivery = webhook.deliveries.get(event="gate.decided")
    assert (delivery.status, delivery.attempts) == ("waiting", len(DELAYS) + 1)
    assert "no address that webhooks may reach" in delivery.answer


def test_a_redirect_is_not_followed(webhook, receiver) -> None:
    receiver.answers = [(307, {"Location": receiver.url + "/elsewhere"})]
    decide()
    send_due(pk=webhook.pk)
    assert [path for path, _, _ in receiver.received] == ["/hooks"]
    answer = webhook.deliveries.get(event="gate.decided").answer
    assert answer == "307, and redirects are not followed"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_nothing_is_sent_to_a_private_address(host, receiver, settings) -> None:
    settings.WEBHOOK_NETWORKS = []
    for scheme in ("http", "https"):
        answer = post(f"{scheme}://{host}:{receiver.server_port}/", headers={}, body=b"{}")
        assert answer.status == 0
        address, _, words = answer.words.partition(" is ")
        assert words == "no address that webhooks may reach"
        assert not ipaddress.ip_address(address).is_global
    assert receiver.received == []


def test_nothing_is_sent_unencrypted_to_a_public_address() -> None:
    answer = post("http://1.1.1.1/", headers={}, body=b"{}")
    assert answer.words == "1.1.1.1 is no address that webhooks may reach"


def test_two_workers_do_not_send_to_one_webhook_at_once(webhook, receiver) -> None:
    decide()
    claimed = Webhook.objects.filter(pk=webhook.pk)
    claimed.update(claimed_until=timezone.now() + datetime.timedelta(seconds=9))
    assert not queries.pending_work.webhooks_to_send()
    assert not send_due(pk=webhook.pk)
    assert receiver.received == []
    claimed.update(claimed_until=timezone.now())  # its worker died
    assert queries.pending_work.webhooks_to_send() == [webhook.pk]
    send_due(pk=webhook.pk)
    assert len(receiver.received) == 1


def test_a_worker_sends_to_one_webhook_alone(webhook, other, receiver) -> None:
    claim = timezone.now() + datetime.timedelta(seconds=9)
    Webhook.objects.filter(pk=other.pk).update(claimed_until=claim)
    decide()
    assert not send_due(pk=webhook.pk)
    other.refresh_from_db()
    assert other.claimed_until == claim
    assert set(other.deliveries.values_list("status", flat=True)) == {"waiting"}
    Webhook.objects.filter(pk=other.pk).update(claimed_until=None)
    assert not send_due(pk=webhook.pk)
    other.refresh_from_db()
    assert other.claimed_until is None


def test_a_worker_whose_turn_is_over_leaves_the_rest_to_the_next(webhook, monkeypatch) -> None:
    monkeypatch.setattr(webhook_requests, "TURN_SECONDS", 0)
    decide()
    assert send_due(pk=webhook.pk)
    assert webhook.deliveries.get(event="gate.decided").attempts == 0


def test_what_arrived_by_another_worker_meanwhile_has_arrived(
    webhook, receiver, monkeypatch
) -> None:
    decide()
    deliveries = webhook.deliveries.filter(event="gate.decided")

    def post_while_another_does(*arguments, **named):
        deliveries.update(status="delivered", answer="204", delivered_at=timezone.now())
        return post(*arguments, **named)

    monkeypatch.setattr(webhook_requests, "post", post_while_another_does)
    receiver.answers = [(500, {})]
    send_due(pk=webhook.pk)
    assert (deliveries.get().status, deliveries.get().answer) == ("delivered", "204")
