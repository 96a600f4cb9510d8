"""How far reviewers agree, and who may see that."""

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback import roles
from feedback.models import Decision, Report
from feedback.services import triage
from tests.cast import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided_by_both(ravi, mona):
    """Reports that Ravi and Mona decided, with the label that each of them chose."""

    def make(first: str, second: str, times: int = 1, **fields) -> None:
        for _ in range(times):
            report = Report.objects.create(
                **{"status": "accepted", "expected_label": "drawings", **fields}
            )
            for by, label in ((ravi, first), (mona, second)):
                Decision.objects.create(report=report, by=by, outcome="accepted", label=label)

    return make


def page_of(client, by) -> str:
    client.force_login(by)
    return client.get(reverse("agreement")).content.decode()


def test_alpha_is_shown_with_its_range_once_there_is_enough(client, decided_by_both, mona) -> None:
    decided_by_both("drawings", "drawings", 20)
    decided_by_both("neutral", "neutral", 20)
    decided_by_both("drawings", "neutral", 10)

    page = page_of(client, mona)

    # 40 of 50 agree; of 100 words 50 are each: chance disagrees in 50·50·2 / (100·99).
    assert f"{1 - 0.2 / (5000 / 9900):.2f}" in page
    assert "50 reports were decided by two or more" in page
    assert "40 of 50" in page
    assert page.count("too few reports</td>") == 5  # three labels, rejected, escalated


def test_under_thirty_nothing_is_concluded(client, decided_by_both, mona) -> None:
    decided_by_both("drawings", "drawings", 29)
    page = page_of(client, mona)
    assert page.count("too few reports</td>") == 8
    assert "29 of 29" in page


def test_open_and_reopened_reports_are_not_counted(client, decided_by_both, mona) -> None:
    decided_by_both("drawings", "neutral", status="queued")
    decided_by_both("drawings", "neutral")
    Decision.objects.filter(report__status="accepted", label="neutral").update(
        taken_back_at=timezone.now()
    )
    assert "No report was decided by two people yet." in page_of(client, mona)


def test_reports_decided_by_one_reviewer_are_not_counted(client, queued, ravi, mona) -> None:
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert "No report was decided by two people yet." in page_of(client, mona)


def test_ravi_sees_himself_and_mona_sees_all(client, decided_by_both, ravi, mona) -> None:
    decided_by_both("drawings", "drawings", 3)
    assert page_of(client, ravi).count("3 of 3") == 1
    assert page_of(client, mona).count("3 of 3") == 2


def test_sam_sees_neither_page_nor_decisions(client, sam, ravi) -> None:
    for by, page in ((sam, "agreement"), (sam, "decisions"), (ravi, "decisions")):
        client.force_login(by)
        args = ["csv"] if page == "decisions" else []
        assert client.get(reverse(page, args=args)).status_code == (404 if args else 403)


def test_a_reviewer_without_decisions_has_no_row(client, decided_by_both) -> None:
    decided_by_both("drawings", "drawings", 3)
    tara = account("tara", roles.REVIEWERS)
    assert "You with the others" not in page_of(client, tara)
