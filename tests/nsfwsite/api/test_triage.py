"""Reviewers list and decide cases by the API."""

import pytest

from feedback.models import Report
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


def test_strangers_and_visitors_cannot_triage(queued, sam):
    report = queued()
    assert api_client().get("/api/v1/triage/").status_code == 401
    assert api_client(sam).get("/api/v1/triage/").status_code == 403
    decision = f"/api/v1/triage/{report.pk}/decision/"
    assert api_client().post(decision, {"outcome": "accepted"}).status_code == 401


def test_a_reviewer_sees_open_cases_and_decides_them(queued, ravi):
    report = queued()
    api = api_client(ravi)
    page = api.get("/api/v1/triage/").json()
    assert [case["id"] for case in page["results"]] == [report.pk]
    assert page["results"][0]["examples"][0]["then"]["label"] == "neutral"
    decided = api.post(f"/api/v1/triage/{report.pk}/decision/", {"outcome": "accepted"})
    assert decided.status_code == 201
    assert decided.json()["label"] == "drawings"
    assert api.get("/api/v1/triage/").json()["count"] == 0


def test_a_second_decision_is_refused_and_names_the_first_reviewer(queued, ravi, mona):
    url = f"/api/v1/triage/{queued().pk}/decision/"
    api_client(ravi).post(url, {"outcome": "rejected", "reason": "A photograph."})
    response = api_client(mona).post(url, {"outcome": "accepted"})
    assert response.status_code == 409
    assert "by ravi" in response.json()["detail"]


def test_a_bad_outcome_changes_nothing(queued, ravi):
    report = queued()
    url = f"/api/v1/triage/{report.pk}/decision/"
    assert api_client(ravi).post(url, {"outcome": "burnt"}).status_code == 400
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED


def test_a_rejection_gives_its_reason_by_name(queued, ravi):
    url = f"/api/v1/triage/{queued().pk}/decision/"
    body = {"outcome": "rejected", "because": "nonsense"}
    assert api_client(ravi).post(url, body).status_code == 400
    decided = api_client(ravi).post(url, {**body, "because": "not-allowed"}).json()
    assert (decided["because"], decided["reason"]) == ("not-allowed", "")
