import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import ApprovalRule, Decision, LedgerEntry, Report
from feedback.services import approval_rule, triage
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def text_of(client, page: str, *args) -> str:
    return client.get(reverse(page, args=args)).content.decode()


@pytest.fixture
def two(ravi, mona) -> None:
    approval_rule.change(number=2, by=mona)


def test_the_switch_is_offered_to_a_maintainer_once_there_is_a_second_reviewer(
    client, mona
) -> None:
    client.force_login(mona)
    for page in ("triage", "retrains"):
        assert "There is a second reviewer." not in text_of(client, page)
    assert "It takes a second reviewer." in text_of(client, "keys")


def test_mona_turns_to_two_keys_and_back(client, mona, ravi) -> None:
    client.force_login(mona)
    for page in ("triage", "retrains"):
        assert "There is a second reviewer." in text_of(client, page)

    client.post(reverse("keys"), {"keys": "2"})

    assert ApprovalRule.objects.current().two
    for page in ("triage", "retrains", "ledger", "keys"):
        assert "Two keys" in text_of(client, page)
    assert "Two reviewers must agree" in text_of(client, "reports")
    assert "<strong>mona</strong> turned from 1 to 2" in text_of(client, "ledger")
    client.post(reverse("keys"), {"keys": "1"})
    assert "One key" in text_of(client, "ledger")
    assert not ApprovalRule.objects.current().two


def test_ravi_reads_how_many_keys_hold_and_cannot_turn_them(client, mona, ravi) -> None:
    client.force_login(ravi)
    assert "Turn to two keys" not in text_of(client, "keys")
    assert client.post(reverse("keys"), {"keys": "2"}).status_code == 403
    assert not LedgerEntry.objects.filter(kind="keys").exists()


def test_stranger_cannot_see_the_approval_rule(client, sam) -> None:
    client.force_login(sam)
    assert client.get(reverse("keys")).status_code == 403


def test_a_wrong_number_of_keys_changes_nothing(client, mona, ravi) -> None:
    client.force_login(mona)
    answer = client.post(reverse("keys"), {"keys": "²"})
    assert answer.status_code == 422
    assert "one key or two" in answer.content.decode()


def test_the_second_reviewer_is_blind_to_the_first(client, two, queued, ravi, mona) -> None:
    report = queued()
    Report.objects.update(created_at=timezone.now() - datetime.timedelta(hours=2))
    client.force_login(mona)
    before = text_of(client, "case", report.pk)
    queue = text_of(client, "triage")
    triage.decide(report=report, outcome="rejected", by=ravi, reason="Nothing but a photograph.")

    def without_tokens(page: str) -> list[str]:
        words = ("csrfmiddlewaretoken", "nonce=")
        return [line for line in page.splitlines() if not any(word in line for word in words)]

    assert without_tokens(text_of(client, "case", report.pk)) == without_tokens(before)
    assert without_tokens(text_of(client, "triage")) == without_tokens(queue)


def test_ravi_reads_his_own_decision_and_that_it_waits(client, two, queued, ravi) -> None:
    report = queued()
    client.force_login(ravi)

    client.post(reverse("case", args=[report.pk]), {"outcome": "accepted", "label": "drawings"})

    page = text_of(client, "case", report.pk)
    assert "It waits for another reviewer." in page
    assert "by ravi" in page
    assert "says once what a report is" in page
    assert 'value="accepted"' not in page


@pytest.mark.parametrize("named", [({}, None), (None, {})])
def test_the_case_shows_groups_that_only_one_reviewer_named(
    client, two, queued, ravi, mona, named
) -> None:
    report = queued()
    for by, groups in zip((ravi, mona), named, strict=True):
        triage.decide(report=report, outcome="accepted", by=by, groups=groups)
    client.force_login(ravi)

    page = text_of(client, "case", report.pk)

    assert "Left out, since not all who agreed named it: Medium Flat vector drawing." in page


def test_rosa_reads_that_two_reviewers_will_decide(client, two, queued) -> None:
    assert "two reviewers read it" in text_of(client, "receipt", queued().receipt)


def test_ravi_asks_for_a_second_opinion(client, queued, ravi, mona) -> None:
    report = queued()
    client.force_login(ravi)
    assert "Ask for a second opinion" in text_of(client, "case", report.pk)

    client.post(reverse("second-opinion", args=[report.pk]))

    assert "A second opinion was asked for" in text_of(client, "case", report.pk)
    client.post(reverse("case", args=[report.pk]), {"outcome": "accepted", "label": "drawings"})
    report.refresh_from_db()
    assert report.status == "queued"


def test_a_second_opinion_needs_a_second_reviewer(client, queued, ravi) -> None:
    report = queued()
    client.force_login(ravi)
    assert "Ask for a second opinion" not in text_of(client, "case", report.pk)
    answer = client.post(reverse("second-opinion", args=[report.pk]))
    assert answer.status_code == 409


def test_the_api_says_whether_a_decision_stands(two, queued, ravi, mona) -> None:
    report = queued()
    url = f"/api/v1/triage/{report.pk}/decision/"

    first = api_client(ravi).post(url, {"outcome": "accepted"}).json()
    second = api_client(mona).post(url, {"outcome": "accepted"}).json()

    assert (first["settled"], second["settled"]) == (False, True)
    assert Decision.objects.count() == 2


def test_a_second_opinion_by_the_api(queued, ravi, mona, sam) -> None:
    report = queued()
    url = f"/api/v1/triage/{report.pk}/second-opinion/"
    assert api_client(sam).post(url).status_code == 404
    assert api_client(ravi).post(url).status_code == 204
    assert Report.objects.get().second_opinion_at
