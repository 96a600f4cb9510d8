"""Webhooks by the API, for maintainers."""

import pytest
from django.utils import timezone

from feedback.models import Webhook
from feedback.services import webhooks
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db
PATH = "/api/v1/webhooks/"


def test_a_webhook_is_added_listed_and_deleted(mona) -> None:
    api = api_client(mona)
    fields = {"url": "https://app.example/", "events": ["report.accepted"], "account": "mona"}
    added = api.post(PATH, fields)
    webhook = Webhook.objects.get()
    assert added.status_code == 201
    assert added.json()["secret"] == webhooks.secret_of(webhook)
    (listed,) = api.get(PATH).json()["results"]
    assert listed == {
        "id": webhook.pk,
        "url": "https://app.example/",
        "events": ["report.accepted"],
        "account": "mona",
        "off_because": "",
        "waiting": 1,
        "failed": 0,
    }
    assert api.get(added["Location"]).json() == listed
    assert api.delete(added["Location"]).status_code == 204
    assert api.get(PATH).json()["results"] == []


@pytest.mark.parametrize(
    "changed", [{"events": []}, {"events": ["x"]}, {"url": "http://a.example/"}]
)
def test_a_wrong_field_is_refused(mona, changed) -> None:
    fields = {"url": "https://app.example/", "events": ["gate.decided"], **changed}
    assert api_client(mona).post(PATH, fields).status_code in (400, 422)
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_by_cursor_and_sent_again(mona) -> None:
    api = api_client(mona)
    webhook = webhooks.add(url="https://app.example/", events=["gate.decided"], by=mona)
    path = f"{PATH}{webhook.pk}/deliveries/"
    (delivery,) = api.get(path).json()["results"]
    assert (delivery["event"], delivery["status"]) == ("webhook.added", "waiting")
    assert api.post(f"{path}{delivery['id']}/again/").status_code == 409
    webhook.deliveries.update(status="delivered", delivered_at=timezone.now())
    assert api.get(path, {"status": "waiting"}).json()["results"] == []
    assert api.post(f"{path}{delivery['id']}/again/").json()["status"] == "waiting"
    assert len(api.get(path, {"status": "waiting"}).json()["results"]) == 1
    assert api.get(path, {"status": "lost"}).status_code == 422
    assert api.get(f"{PATH}999/deliveries/").status_code == 404


def test_it_is_turned_on_once(mona) -> None:
    webhook = webhooks.add(url="https://app.example/", events=["gate.decided"], by=mona)
    Webhook.objects.update(off_because="Gone.")
    api = api_client(mona)
    assert api.post(f"{PATH}{webhook.pk}/turn-on/").json()["off_because"] == ""
    assert api.post(f"{PATH}{webhook.pk}/turn-on/").status_code == 409
