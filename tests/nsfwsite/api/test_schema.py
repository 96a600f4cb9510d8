"""The schema says what the API answers: to requests that follow it and to others, as every role."""

import contextlib
import functools
from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, strategies
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from feedback.models import DatasetVersion, Retrain
from feedback.services import webhooks
from nsfwsite.wsgi import application
from tests.cast import token_of

pytestmark = pytest.mark.django_db

CASES = 3  # for each operation, role and mode; `make fuzz-api` tries thousands
load_all_checks()
CONFORMANCE = CHECKS.get_by_names(
    [f"{part}_conformance" for part in ("status_code", "content_type", "response_schema")]
)


@pytest.fixture(autouse=True)
def _connection_stays_open() -> Iterator[None]:
    """Django closes it after each request; Django's own test client prevents that, too."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def ids(queued, judged, champion, mona) -> dict[str, str]:
    """What stands in an address after its first word."""
    dataset = DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=9)
    retrain = Retrain.objects.create(
        base=champion, dataset=dataset, config="head", proposed_by=mona
    )
    report = queued()
    webhook = webhooks.add(url="https://app.example/", events=["gate.decided"], by=mona)
    return {
        "": "",
        "challenge": "",
        "metrics": "",
        "classifications": str(judged(7).pk),
        "models": champion.version,
        "reports": report.receipt,
        "retrains": str(retrain.pk),
        "triage": str(report.pk),
        "webhooks": str(webhook.pk),
    }


@functools.cache
def schema() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/v1/schema/", application)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("role", ["visitor", "sam", "ravi", "mona"])
def test_every_answer_is_in_the_schema(ids, role, mode, request, settings) -> None:
    settings.RATE_CLASSIFICATIONS = settings.RATE_REPORTS = "100000/minute"
    headers = {}
    if role != "visitor":
        user = request.getfixturevalue(role)
        headers = {"Authorization": f"Token {token_of(user)}"}
    for operation in (result.ok() for result in schema().get_all_operations()):
        with contextlib.suppress(Unsatisfiable):  # nothing that it takes can be wrong
            try_out(operation, mode, existing=ids[operation.path.split("/")[3]], headers=headers)


def try_out(operation, mode, *, existing: str, headers: dict[str, str]) -> None:
    @hypothesis_settings(
        max_examples=CASES,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode), strategies.booleans())
    def ask(case, exists) -> None:
        if exists and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, existing)
        response = case.call(headers=headers)
        assert response.status_code != 500
        case.validate_response(response, checks=CONFORMANCE)

    ask()
