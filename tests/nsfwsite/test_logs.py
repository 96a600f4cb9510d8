import logging

import pytest
from django.urls import reverse

from nsfwsite.logs import HideSecretAddresses, NoTraceOfRefusals

RECEIPT = "Zm9yIGhlciBleWVzIG9ubHkh"


@pytest.fixture
def written(settings, caplog):
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["no_secrets", "no_trace"]
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


def test_what_is_refused_to_ravi_leaves_no_stack_trace(client, ravi, caplog) -> None:
    caplog.handler.addFilter(drop := NoTraceOfRefusals())
    client.force_login(ravi)
    assert client.get(reverse("safety")).status_code == 403
    caplog.handler.removeFilter(drop)
    assert "Forbidden (Permission denied): /safety/" in caplog.text
    assert "Traceback" not in caplog.text
