import time

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def clock(monkeypatch):
    """Let some time pass, for the session that the client has."""

    def pass_by(client, seconds: int) -> None:
        session = client.session
        for name in ("began", "seen"):
            session[name] = session[name] - seconds
        session.save()
        stored = Session.objects.get(session_key=session.session_key)
        stored.expire_date = stored.expire_date.fromtimestamp(
            stored.expire_date.timestamp() - seconds, tz=stored.expire_date.tzinfo
        )
        stored.save()

    return pass_by


@pytest.fixture
def at_work(client, ravi):
    right = {"login": "ravi", "password": "a long enough password"}
    client.post(reverse("sign-in"), right)
    assert client.get(reverse("triage")).status_code == 200
    return client


def test_whoever_is_idle_for_half_a_day_is_signed_out(at_work, clock) -> None:
    clock(at_work, 12 * HOUR + 60)
    assert at_work.get(reverse("triage")).url.startswith(reverse("sign-in"))


def test_whoever_is_at_work_stays_signed_in(at_work, clock) -> None:
    for _ in range(4):
        clock(at_work, 10 * HOUR)
        assert at_work.get(reverse("triage")).status_code == 200


def test_a_session_ends_after_two_weeks_of_work(at_work, clock) -> None:
    for _ in range(33):
        clock(at_work, 10 * HOUR)
        assert at_work.get(reverse("triage")).status_code == 200
    clock(at_work, 10 * HOUR)
    assert at_work.get(reverse("triage")).url.startswith(reverse("sign-in"))
    assert not Session.objects.exists()


def test_a_session_is_not_stored_at_every_request(at_work) -> None:
    before = at_work.session["seen"]
    assert before == pytest.approx(time.time(), abs=10)
    key = Session.objects.get().expire_date
    at_work.get(reverse("triage"))
    assert Session.objects.get().expire_date == key
