"""The download of every decision."""

import csv
import io
import json

import pytest
from django.urls import reverse

from feedback.models import Report
from feedback.services import approval_rule, reports, triage

pytestmark = pytest.mark.django_db


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
    rejected = queued(2)
    for by in (ravi, mona):
        triage.decide(
            report=rejected, outcome="rejected", by=by, because="other", reason="=SUM(A1) it says"
        )
    reports.appeal(report=rejected, words="An appeal in my own words.")
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
    assert [row["not_learnt"] for row in lines] == [[None]] * 4
    assert (lines[2]["because"], lines[2]["outcome"]) == ("other", "rejected")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_download_has_no_texts_receipts_or_hashes(client, decided, mona, kind) -> None:
    client.force_login(mona)
    text = downloaded(client, kind)
    assert text
    for secret in ("My own", "SUM", decided.receipt, decided.examples.get().image_sha256):
        assert secret not in text


def test_there_is_no_other_kind_of_download(client, mona) -> None:
    client.force_login(mona)
    assert client.get("/triage/decisions.html").status_code == 404
