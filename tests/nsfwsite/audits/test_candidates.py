"""Candidates from one dataset version, beside each other."""

import pytest
from django.urls import reverse

from feedback.models import AuditSet, Retrain
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_candidates(mona) -> list[Retrain]:
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="d" * 64, images=264)
    champion = audited_model(1, audit_set, answers(100, alarms=10), status="champion")
    retrains = []
    for number, wrong, recipe in ((2, 50, "fine-tune"), (3, 20, "head")):
        candidate = audited_model(number, audit_set, answers(wrong))
        retrain = judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)
        Retrain.objects.filter(pk=retrain.pk).update(recipe=recipe)
        retrains.append(retrain)
    return retrains


ADDRESS = "/audits/candidates/2/"


def test_mona_sees_each_candidate_beside_the_model_in_service(client, mona, two_candidates):
    client.force_login(mona)
    response = client.get(ADDRESS)
    text = " ".join(response.content.decode().split())
    columns = response.context["columns"]
    assert [column.model.version for column in columns] == ["v1", "v2", "v3"]
    assert "The share of each label that is right, model by model" in text
    drawings = next(row for row in response.context["recalls"] if row["title"] == "drawings")
    rates = [round(cell["rate"] * cell["n"]) for cell in drawings["cells"]]
    assert rates == [104, 154, 184]
    assert all(cell["low"] < cell["rate"] < cell["high"] for cell in drawings["cells"])
    alarms = next(row for row in response.context["harms"] if row["title"] == "False alarms")
    assert [cell["count"] for cell in alarms["cells"]] == [10, 0, 0]
    for retrain in two_candidates:
        assert reverse("retrain", args=[retrain.pk]) in text
    assert "fine-tune" in text


def test_the_chart_has_the_figures_of_the_table(client, mona, two_candidates):
    client.force_login(mona)
    lines = client.get(ADDRESS, {"chart": "recall", "as": "csv"}).content.decode().splitlines()
    assert lines[0] == "label,model,right,low,high,images"
    assert sum(line.startswith("drawings,") for line in lines) == 3
    assert b"<svg" in client.get(ADDRESS, {"chart": "recall", "as": "svg"}).content


def test_a_retrain_leads_to_the_comparison(client, mona, two_candidates):
    client.force_login(mona)
    page = client.get(reverse("retrain", args=[two_candidates[0].pk])).content.decode()
    assert ADDRESS in page
    assert "Compare it with 1 other candidate " in page


def test_a_candidate_that_was_compared_with_another_model_is_left_out(client, mona, two_candidates):
    client.force_login(mona)
    other = audited_model(4, two_candidates[0].audit_set, answers(90), status="retired")
    Retrain.objects.filter(pk=two_candidates[0].pk).update(judged_against=other)
    response = client.get(ADDRESS)
    assert [column.model.version for column in response.context["columns"]] == ["v1", "v3"]
    assert "1 model of this dataset is left out" in response.content.decode()


def test_without_a_candidate_there_is_no_comparison(client, mona, ravi, two_candidates):
    client.force_login(mona)
    Retrain.objects.update(status="failed", candidate=None)
    assert client.get(ADDRESS).status_code == 404
    assert client.get("/audits/candidates/9/").status_code == 404
    client.force_login(ravi)
    assert client.get(ADDRESS).status_code == 404
