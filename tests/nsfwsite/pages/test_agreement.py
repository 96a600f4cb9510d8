import csv
import io
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback import people
from feedback.models import Decision, Report
from feedback.services import approval_rule, reports, triage
from tests.cast import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def both_said(ravi, mona):
    """Reports that both decided: what each said, so many times."""

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


def test_alpha_is_shown_with_its_range_once_there_is_enough(client, both_said, mona) -> None:
    both_said("drawings", "drawings", 20)
    both_said("neutral", "neutral", 20)
    both_said("drawings", "neutral", 10)

    page = page_of(client, mona)

    # 40 of 50 agree; of 100 words 50 are each: chance disagrees in 50·50·2 / (100·99).
    assert f"{1 - 0.2 / (5000 / 9900):.2f}" in page
    assert "50 reports were decided by two or more" in page
    assert "40 of 50" in page
    assert page.count("insufficient data</td>") == 5  # three labels, rejected, escalated


def test_under_thirty_nothing_is_concluded(client, both_said, mona) -> None:
    both_said("drawings", "drawings", 29)
    page = page_of(client, mona)
    assert page.count("insufficient data</td>") == 8
    assert "29 of 29" in page


def test_what_waits_or_was_decided_again_is_not_counted(client, both_said, mona) -> None:
    both_said("drawings", "neutral", status="queued")
    both_said("drawings", "neutral")
    Decision.objects.filter(report__status="accepted", label="neutral").update(
        taken_back_at=timezone.now()
    )
    assert "No report was decided by two people yet." in page_of(client, mona)


def test_what_one_decided_alone_is_not_counted(client, queued, ravi, mona) -> None:
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert "No report was decided by two people yet." in page_of(client, mona)


def test_ravi_sees_himself_and_mona_sees_all(client, both_said, ravi, mona) -> None:
    both_said("drawings", "drawings", 3)
    assert page_of(client, ravi).count("3 of 3") == 1
    assert page_of(client, mona).count("3 of 3") == 2


def test_sam_sees_neither_page_nor_decisions(client, sam, ravi) -> None:
    for by, page in ((sam, "agreement"), (sam, "decisions"), (ravi, "decisions")):
        client.force_login(by)
        args = ["csv"] if page == "decisions" else []
        assert client.get(reverse(page, args=args)).status_code == 403


def downloaded(client, kind: str) -> str:
    answer = client.get(reverse("decisions", args=[kind]))
    return b"".join(answer.streaming_content).decode()


@pytest.fixture
def decided(queued, ravi, mona) -> Report:
    """By two, with everything written that may not leave the site."""
    approval_rule.change(number=2, by=mona)
    report = queued(description="My own secret words.")
    triage.decide(report=report, outcome="accepted", by=ravi, groups={})
    triage.decide(report=report, outcome="accepted", by=mona)
    declined = queued(2)
    for by in (ravi, mona):
        triage.decide(
            report=declined, outcome="rejected", by=by, because="other", reason="=SUM(A1) it says"
        )
    reports.appeal(report=declined, words="An appeal in my own words.")
    return report


def test_mona_downloads_every_decision(client, decided, mona) -> None:
    client.force_login(mona)

    table = list(csv.DictReader(io.StringIO(downloaded(client, "csv"))))
    lines = [json.loads(line) for line in downloaded(client, "jsonl").splitlines()]

    assert [row["by"] for row in table] == ["ravi", "mona", "ravi", "mona"]
    assert [bool(row["settled_at"]) for row in lines] == [False, True, False, True]
    assert [bool(row["taken_back_at"]) for row in lines] == [False, False, True, True]
    assert (lines[1]["groups"], lines[1]["left_out"]) == ({}, {"medium": "vector"})
    assert json.loads(table[1]["left_out"]) == lines[1]["left_out"]
    assert (lines[2]["because"], lines[2]["outcome"]) == ("other", "rejected")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_nobodys_words_and_no_receipt_are_in_it(client, decided, mona, kind) -> None:
    client.force_login(mona)
    text = downloaded(client, kind)
    assert text
    for secret in ("My own", "SUM", decided.receipt, decided.examples.get().image_sha256):
        assert secret not in text


def test_there_is_no_other_kind_of_download(client, mona) -> None:
    client.force_login(mona)
    assert client.get("/triage/decisions.html").status_code == 404


def test_who_has_decided_nothing_has_no_row(client, both_said) -> None:
    both_said("drawings", "drawings", 3)
    tara = account("tara", people.REVIEWERS)
    assert "You with the others" not in page_of(client, tara)
