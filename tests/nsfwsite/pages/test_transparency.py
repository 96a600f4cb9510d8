"""The transparency report as a page and as files."""

import csv
import io

import pytest
from django.urls import reverse

from feedback import queries
from feedback.services import triage

pytestmark = pytest.mark.django_db


def this_month() -> str:
    return str(queries.transparency.months()[0])


def test_the_page_says_what_came_in_and_what_was_decided(client, queued, ravi) -> None:
    triage.decide(report=queued(1), outcome="rejected", because="cannot-tell", by=ravi)
    queued(2)
    page = client.get(reverse("transparency")).content.decode()
    assert "2 reports came in, and 1 was decided, half of them within 1 second" in page
    assert "rejected: It cannot be told from the image" in page
    assert "The month is not over" in page
    assert "No model that was in service then has been audited" in page


def test_a_site_without_a_report_has_a_page(client) -> None:
    response = client.get(reverse("transparency"))
    assert response.status_code == 200
    assert "0 reports came in, and 0 were decided." in response.content.decode()


def test_files_have_the_same_figures_as_the_page(client, queued, ravi) -> None:
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    month = this_month()
    figures = client.get(reverse("transparency-file", args=[month, "json"])).json()
    assert figures["decisions"]["by_outcome"] == {"accepted": 1, "rejected": 0, "escalated": 0}

    response = client.get(reverse("transparency-file", args=[month, "csv"]))
    assert f"transparency-{month}.csv" in response["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    cells = {(row["section"], row["figure"], row["of"]): row["value"] for row in rows}
    assert cells["report", "month", ""] == month
    assert cells["notices", "received", ""] == "1"
    assert cells["decisions", "by_outcome", "accepted"] == "1"
    assert cells["reviewers", "right", "golden cases"] == ""


@pytest.mark.parametrize("month", ["2026-13", "1999-01", "9999-12", "2026", "now", "2026-011"])
def test_other_months_do_not_exist(client, champion, month) -> None:
    assert client.get(f"/transparency/{month}/").status_code == 404
    assert client.get(f"/transparency/{month}.json").status_code == 404


def test_other_kinds_of_file_do_not_exist(client, champion) -> None:
    assert client.get(f"/transparency/{this_month()}.xml").status_code == 404
