"""The queue: who sees it, in which order, and who takes which case."""

import datetime

from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.models import Report
from feedback.services import triage
from tests.nsfwsite.pages.addresses import case_url, image_url


def pages_of(report):
    return [reverse("triage"), case_url(report), image_url(report)]


def test_nobody_gets_in_without_signing_in(client, queued) -> None:
    for page in pages_of(queued()):
        assert client.get(page).url.startswith(reverse("sign-in"))


def test_stranger_cannot_see_triage(client, sam, queued) -> None:
    client.force_login(sam)
    for page in pages_of(queued()):
        assert client.get(page).status_code in (403, 404)


def test_ravi_sees_the_oldest_first(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    text = client.get(reverse("triage")).content.decode()

    assert text.index(case_url(first)) < text.index(f'"{case_url(second)}">Report')
    assert "2 reports to decide" in text


def test_two_reviewers_never_get_the_same_case(client, queued, ravi, mona) -> None:
    first, second = queued(1), queued(2)
    client.force_login(ravi)
    assert client.post(reverse("claim")).url == case_url(first)
    client.force_login(mona)

    assert client.post(reverse("claim")).url == case_url(second)
    assert list(queries.triage.open_cases(mona)) == [second]
    assert "has this case in hand" in client.get(case_url(first)).content.decode()
    answer = client.post(case_url(first), {"outcome": "accepted", "label": "drawings"})
    assert answer.status_code == 409
    assert "which ravi opened" in answer.content.decode()
    first.refresh_from_db()
    assert first.status == "queued"


def test_a_claim_expires(client, queued, ravi, mona) -> None:
    report = queued(1)
    triage.claim_next(by=ravi)
    Report.objects.update(claimed_until=timezone.now() - datetime.timedelta(seconds=1))
    client.force_login(mona)

    assert client.post(reverse("claim")).url == case_url(report)
    client.post(case_url(report), {"outcome": "accepted", "label": "drawings"})
    report.refresh_from_db()
    assert (report.status, report.claimed_by) == ("accepted", None)


def test_a_skipped_case_is_left_to_others(client, queued, ravi, mona) -> None:
    first, second = queued(1), queued(2)
    client.force_login(ravi)
    client.post(reverse("claim"))

    assert client.post(reverse("skip", args=[first.pk])).url == case_url(second)
    assert triage.claim_next(by=mona) == first
    assert client.post(reverse("skip", args=[second.pk])).url == reverse("triage")
