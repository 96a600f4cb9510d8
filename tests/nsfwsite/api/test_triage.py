import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from feedback.models import Report

pytestmark = pytest.mark.django_db


def client(user=None) -> APIClient:
    made = APIClient()
    if user:
        token, _ = Token.objects.get_or_create(user=user)
        made.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return made


def test_strangers_and_visitors_cannot_triage(queued, sam):
    report = queued()
    assert client().get("/api/v1/triage/").status_code == 401
    assert client(sam).get("/api/v1/triage/").status_code == 403
    decision = f"/api/v1/triage/{report.pk}/decision/"
    assert client().post(decision, {"outcome": "accepted"}).status_code == 401


def test_a_reviewer_sees_open_cases_and_decides_them(queued, ravi):
    report = queued()
    api = client(ravi)
    page = api.get("/api/v1/triage/").json()
    assert [case["id"] for case in page["results"]] == [report.pk]
    assert page["results"][0]["examples"][0]["then"]["label"] == "neutral"
    decided = api.post(f"/api/v1/triage/{report.pk}/decision/", {"outcome": "accepted"})
    assert decided.status_code == 201
    assert decided.json()["label"] == "drawings"
    assert api.get("/api/v1/triage/").json()["count"] == 0


def test_a_second_decision_is_told_of_the_first(queued, ravi, mona):
    url = f"/api/v1/triage/{queued().pk}/decision/"
    client(ravi).post(url, {"outcome": "rejected", "reason": "A photograph."})
    response = client(mona).post(url, {"outcome": "accepted"})
    assert response.status_code == 409
    assert "by ravi" in response.json()["detail"]


def test_a_bad_outcome_changes_nothing(queued, ravi):
    report = queued()
    url = f"/api/v1/triage/{report.pk}/decision/"
    assert client(ravi).post(url, {"outcome": "burnt"}).status_code == 400
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED


def test_a_reason_is_given_by_its_name(queued, ravi):
    url = f"/api/v1/triage/{queued().pk}/decision/"
    body = {"outcome": "rejected", "because": "nonsense"}
    assert client(ravi).post(url, body).status_code == 400
    decided = client(ravi).post(url, {**body, "because": "not-allowed"}).json()
    assert (decided["because"], decided["reason"]) == ("not-allowed", "")


@pytest.mark.parametrize("path", ["", "1/", "1/approve/", "1/promote/", "1/decline/"])
def test_retrains_are_for_maintainers(ravi, path):
    api = client(ravi)
    call = api.get if path in {"", "1/"} else api.post
    assert call(f"/api/v1/retrains/{path}").status_code == 403


def test_anybody_may_see_models(champion):
    page = client().get("/api/v1/models/").json()
    assert [(model["version"], model["status"]) for model in page["results"]] == [
        ("v1", "champion")
    ]
    assert client().get("/api/v1/models/v9/audit/").status_code == 404
    assert client().get("/api/v1/models/nonsense/audit/").status_code == 404
