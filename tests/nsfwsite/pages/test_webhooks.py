"""A maintainer adds a webhook, sees the secret once, and sends a delivery again."""

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import Webhook
from feedback.services import webhooks

pytestmark = pytest.mark.django_db
FORM = {"url": "https://app.example/hooks", "events": ["gate.decided"], "account": ""}


@pytest.fixture
def maintainer(client, mona):
    client.force_login(mona)
    return client


def text(response) -> str:
    return response.content.decode()


def test_the_secret_is_shown_once(maintainer) -> None:
    added = maintainer.post(reverse("webhooks"), FORM)
    webhook = Webhook.objects.get()
    secret = webhooks.secret_of(webhook)
    assert secret in text(added)
    for page in (reverse("webhooks"), reverse("webhook", args=[webhook.pk])):
        shown = text(maintainer.get(page))
        assert "https://app.example/hooks" in shown
        assert secret not in shown


def test_a_wrong_address_is_shown_again_with_the_rule(maintainer) -> None:
    response = maintainer.post(reverse("webhooks"), {**FORM, "url": "http://10.0.0.1/"})
    assert response.status_code == 422
    assert "The address begins with https://" in text(response)
    assert 'value="http://10.0.0.1/"' in text(response)
    assert 'value="gate.decided" checked' in text(response)


def test_a_delivery_is_listed_and_sent_again(maintainer, mona) -> None:
    webhook = webhooks.add(**{**FORM, "by": mona})
    page = reverse("webhook", args=[webhook.pk])
    assert "Send again" not in text(maintainer.get(page))
    webhook.deliveries.update(status="delivered", delivered_at=timezone.now(), answer="204")
    assert "Send again" in text(maintainer.get(page))
    again = reverse("send-again", args=[webhook.pk, webhook.deliveries.get().pk])
    assert maintainer.post(again).status_code == 302
    assert webhook.deliveries.get().status == "waiting"
    assert maintainer.post(again).status_code == 409


def test_it_is_turned_on_and_deleted(maintainer, mona) -> None:
    webhook = webhooks.add(**{**FORM, "by": mona})
    Webhook.objects.update(off_because="Nothing was received for days.")
    page = reverse("webhook", args=[webhook.pk])
    assert "Nothing was received for days." in text(maintainer.get(page))
    maintainer.post(page, {"action": "turn-on"})
    assert Webhook.objects.get().off_because == ""
    assert maintainer.post(page, {"action": "delete"}).url == reverse("webhooks")
    assert not Webhook.objects.exists()
