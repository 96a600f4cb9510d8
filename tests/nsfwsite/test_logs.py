import logging

import pytest
from django.urls import reverse

from nsfwsite.logs import HideSecretAddresses

RECEIPT = "Zm9yIGhlciBleWVzIG9ubHkh"


@pytest.fixture
def written(settings, caplog):
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["no_secrets"]
    caplog.handler.addFilter(hide := HideSecretAddresses())
    yield caplog
    caplog.handler.removeFilter(hide)


@pytest.mark.django_db
def test_no_receipt_is_logged(client, written) -> None:
    with written.at_level(logging.WARNING, logger="django.request"):
        client.get(reverse("receipt", args=[RECEIPT]))
        client.post(reverse("withdraw", args=[RECEIPT]))
        client.get(reverse("api:report", args=[RECEIPT]))
        client.get(reverse("objection", args=[RECEIPT]))

    assert written.messages == [
        "Not Found: /r/…/",
        "Not Found: /r/…/withdraw/",
        "Not Found: /api/v1/reports/…/",
        "Not Found: /labels/o/…/",
    ]
