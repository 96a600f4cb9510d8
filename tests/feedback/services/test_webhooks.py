"""What webhooks are told, and to whom; `test_webhook_requests.py` sends it."""

import datetime
import ipaddress
import json

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback.errors import Invalid, WrongState
from feedback.models import LedgerEntry, ModelVersion, Webhook, WebhookDelivery
from feedback.services import ledger, models, reports, retention, triage, webhooks
from tests.cast import whole_artifact

pytestmark = pytest.mark.django_db
URL = "https://app.example/hooks"


@pytest.fixture
def add(mona):
    def make(*events: str, **fields) -> Webhook:
        webhook = webhooks.add(url=URL, events=events, by=mona, **fields)
        webhook.deliveries.all().delete()  # that it was added
        return webhook

    return make


def bodies(webhook: Webhook) -> list[dict]:
    return [json.loads(row.body) for row in webhook.deliveries.order_by("created_at")]


def test_a_new_webhook_is_told_so(mona) -> None:
    webhook = webhooks.add(url=URL, events=["gate.decided"], by=mona)
    (body,) = bodies(webhook)
    assert body["type"] == "webhook.added"
    assert body["data"] == {"events": ["gate.decided"]}


def test_an_outcome_is_told_with_its_ledger_entry_and_without_the_receipt(
    add, queued, ravi
) -> None:
    webhook = add("report.accepted", "report.rejected")
    accepted, rejected = queued(1), queued(2)
    triage.decide(report=accepted, outcome="accepted", label="drawings", groups={}, by=ravi)
    triage.decide(report=rejected, outcome="rejected", because="cannot-tell", by=ravi)
    triage.undo(report=rejected, by=ravi)  # nobody asked for that
    entry = LedgerEntry.objects.get(kind="report", facts__outcome="accepted")
    first, second = bodies(webhook)
    assert first["type"] == "report.accepted"
    assert first["data"] == {"entry": entry.number, **entry.facts}
    assert second["type"] == "report.rejected"
    assert accepted.receipt not in json.dumps(bodies(webhook))


def test_receipts_go_to_the_account_that_filed_the_report_alone(add, queued, ravi, sam) -> None:
    everybody = add("report.rejected", "gate.decided")
    own = add("report.rejected", "gate.decided", account="sam")
    filed_by_sam, anonymous = queued(1, filed_by=sam), queued(2)
    for report in (filed_by_sam, anonymous):
        triage.decide(report=report, outcome="rejected", because="cannot-tell", by=ravi)
    assert len(bodies(everybody)) == 2
    assert [body["data"]["receipt"] for body in bodies(own)] == [filed_by_sam.receipt]
    ledger.write(LedgerEntry.Kind.GATE, verdict="pass")
    for webhook in (everybody, own):
        assert bodies(webhook)[-1]["data"]["verdict"] == "pass"


def test_a_reporter_who_replaces_the_receipt_is_followed_no_longer(add, queued, ravi, sam) -> None:
    webhook = add("report.rejected", account="sam")
    report = reports.renew_receipt(report=queued(filed_by=sam))
    report.refresh_from_db()
    triage.decide(report=report, outcome="rejected", because="cannot-tell", by=ravi)
    assert bodies(webhook) == []


def test_a_withdrawn_report_leaves_no_delivery(add, queued, ravi, sam) -> None:
    webhook = add("report.rejected", account="sam")
    report = queued(filed_by=sam)
    triage.decide(report=report, outcome="rejected", because="cannot-tell", by=ravi)
    assert webhook.deliveries.count() == 1
    reports.withdraw(report=report)
    assert webhook.deliveries.count() == 0


def test_promotion_and_rollback_are_told(add, champion, mona) -> None:
    webhook = add("model.promoted", "model.rolled_back")
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    models.put_in_service(candidate, by=mona)
    ModelVersion.objects.filter(pk=champion.pk).update(sha256=whole_artifact("first"))
    champion.refresh_from_db()
    models.roll_back(model=champion, by=mona, reason="It is worse.")
    assert [(body["type"], body["data"]["model"]) for body in bodies(webhook)] == [
        ("model.promoted", "v2"),
        ("model.rolled_back", "v1"),
    ]


def test_what_is_rolled_back_is_told_to_nobody(add) -> None:
    webhook = add("gate.decided")
    with transaction.atomic():
        ledger.write(LedgerEntry.Kind.GATE, verdict="pass")
        assert webhook.deliveries.count() == 1
        transaction.set_rollback(True)
    assert webhook.deliveries.count() == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/",
        "ftp://app.example/",
        "https://",
        "https://user@app.example/",
        "https://:secret@app.example/",
        "https://app.example/#part",
        "https://app.example:99999/",
        "https://app.example:0/",
        "https://app.example/\x7f",
        "https://app.example/ä",
        "https://app example/",
        "https://app.example/" + "a" * 500,
    ],
)
def test_an_address_is_public_and_encrypted(url, mona) -> None:
    with pytest.raises(Invalid, match="begins with https://"):
        webhooks.add(url=url, events=["gate.decided"], by=mona)


def test_inside_a_network_that_the_operator_names_it_may_be_unencrypted(mona, settings) -> None:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("10.0.0.0/8")]
    for url in ("http://app.example/", URL):
        assert webhooks.add(url=url, events=["gate.decided"], by=mona).url == url
    with pytest.raises(Invalid, match="begins with https:// or http://"):
        webhooks.add(url="ftp://app.example/", events=["gate.decided"], by=mona)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"events": []}, "at least one event"),
        ({"events": ["gate.opened"]}, "An event is one of"),
        ({"events": ["webhook.added"]}, "An event is one of"),
        ({"events": ["gate.decided"], "account": "nobody"}, "an account of this site"),
        ({"events": ["gate.decided"], "account": "sam"}, "an account of this site"),
    ],
)
def test_a_webhook_names_events_and_an_account_in_use(fields, rule, mona, sam) -> None:
    User.objects.filter(pk=sam.pk).update(is_active=False)
    with pytest.raises(Invalid, match=rule):
        webhooks.add(url=URL, by=mona, **fields)


def test_the_secret_is_the_same_each_time_and_another_for_each_webhook(add) -> None:
    first, second = add("gate.decided"), add("gate.decided")
    assert webhooks.secret_of(first) == webhooks.secret_of(Webhook.objects.get(pk=first.pk))
    assert webhooks.secret_of(first) != webhooks.secret_of(second)


def test_a_delivery_that_waits_is_not_sent_twice(mona) -> None:
    webhook = webhooks.add(url=URL, events=["gate.decided"], by=mona)
    with pytest.raises(WrongState, match="waits to be sent"):
        webhooks.send_again(delivery=webhook.deliveries.get())


def test_a_deleted_webhook_leaves_no_delivery(add, mona) -> None:
    deleted, other = add("gate.decided"), add("gate.decided")
    ledger.write(LedgerEntry.Kind.GATE, verdict="pass")
    webhooks.delete(webhook=deleted, by=mona)
    assert [delivery.webhook for delivery in WebhookDelivery.objects.all()] == [other]
    assert Webhook.objects.get() == other


def test_deliveries_are_deleted_after_thirty_days(mona) -> None:
    webhook = webhooks.add(url=URL, events=["gate.decided"], by=mona)
    retention.enforce()
    assert webhook.deliveries.count() == 1
    WebhookDelivery.objects.update(created_at=timezone.now() - datetime.timedelta(days=31))
    retention.enforce()
    assert webhook.deliveries.count() == 0


# Mutants that survive and change no state: `add` and `delete` without their line in the log.
