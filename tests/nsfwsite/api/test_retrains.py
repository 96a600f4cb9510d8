"""Retrains by the API are for maintainers."""

import datetime

import pytest
from django.utils import timezone

from feedback.models import Audit, AuditSet, Confirmation, DatasetVersion, ModelVersion, Retrain
from feedback.services import manifests, models, triage
from modeltrain.data.manifest import Row
from tests.cast import premises, whole_artifact
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["", "1/", "1/approve/", "1/promote/", "1/decline/"])
def test_retrains_are_for_maintainers(ravi, path):
    api = api_client(ravi)
    call = api.get if path in {"", "1/"} else api.post
    assert call(f"/api/v1/retrains/{path}").status_code == (404 if path else 403)


@pytest.fixture
def evaluated(champion, mona) -> Retrain:
    candidate = ModelVersion.objects.create(
        number=2, sha256=whole_artifact("candidate"), title="Retrain 1"
    )
    return Retrain.objects.create(
        status="evaluated",
        base=champion,
        candidate=candidate,
        dataset=DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=9),
        config="head",
        gate={"verdict": "pass", "sentence": "Pass.", "cells": []},
        proposed_by=mona,
        **premises(champion),
    )


def test_a_verdict_against_a_former_champion_is_refused_with_the_way_out(evaluated, mona):
    api = api_client(mona)
    path = f"/api/v1/retrains/{evaluated.pk}/"
    before = api.get(path).json()
    assert (before["judged_against"], before["audit_set"]) == ("v1", "premises")
    assert before["verdict_outdated"] == []
    other = ModelVersion.objects.create(number=9, sha256="9" * 64, title="Other")
    models.put_in_service(other, by=mona)

    answer = api.post(f"{path}promote/")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["rule"].startswith("A verdict holds against the model, the audit set")
    assert "It was compared with v1, and v9 is in service now" in problem["received"]
    assert "judges the candidate again by itself" in problem["way_out"]
    assert api.get(path).json()["verdict_outdated"] == [
        "It was compared with v1, and v9 is in service now."
    ]


def test_a_recomputed_result_is_beside_the_gate_of_the_decision(evaluated, mona):
    api, path = api_client(mona), f"/api/v1/retrains/{evaluated.pk}/"
    assert api.get(path).json()["recomputed"] is None
    at = timezone.now()
    Retrain.objects.update(
        recomputed_gate={"verdict": "blocked"},
        recomputed_policy_sha256="3" * 64,
        recomputed_at=at,
    )
    Audit.objects.create(model=evaluated.candidate, audit_set=evaluated.audit_set)
    for address in (path, "/api/v1/models/v2/audit/"):
        answer = api.get(address).json()
        assert answer["gate"]["verdict"] == "pass"
        assert answer["recomputed"]["gate"] == {"verdict": "blocked"}
        assert datetime.datetime.fromisoformat(answer["recomputed"]["at"]) == at


def test_a_passed_candidate_is_judged_on_the_confirmation_set_first(evaluated, mona, ravi):
    api, path = api_client(mona), f"/api/v1/retrains/{evaluated.pk}/"
    refused = api.post(f"{path}confirm/")
    assert (refused.status_code, refused.json()["way_out"]) == (409, "Decide without it.")
    sealed = AuditSet.objects.create(
        name="sealed", manifest_sha256="5" * 64, images=9, confirmation=True
    )
    refused = api.post(f"{path}promote/")
    assert refused.status_code == 409
    assert "which has no verdict on sealed" in refused.json()["received"]
    assert api_client(ravi).post(f"{path}confirm/").status_code == 404

    answer = api.post(f"{path}confirm/").json()["confirmation"]
    assert (answer["audit_set"], answer["requested_by"]) == ("sealed", "mona")
    assert answer["gate"] is answer["judged_at"] is None
    assert {audit.model.version for audit in Audit.objects.filter(audit_set=sealed)} == {"v1", "v2"}
    gate = {"verdict": "blocked", "sentence": "Blocked."}
    Confirmation.objects.update(gate=gate, judged_at=timezone.now())
    assert api.get(path).json()["confirmation"]["gate"] == gate
    assert api.post(f"{path}promote/").status_code == 409
    promoted = api.post(f"{path}promote/", {"override_reason": "Worth it."}, format="json")
    assert promoted.json()["status"] == "promoted"


def test_each_gap_is_named_or_the_promotion_is_refused(evaluated, mona):
    gaps = [
        {"axis": "skin_tone", "value": tone, "sentence": f"A gap opens: {tone}."}
        for tone in ("dark", "medium")
    ]
    Retrain.objects.update(gate={**evaluated.gate, "gaps": gaps})
    api, path = api_client(mona), f"/api/v1/retrains/{evaluated.pk}/promote/"
    answers = [
        api.post(path, {"acknowledged_gaps": names}, format="json")
        for names in (["skin_tone=dark"], ["tone"], "skin_tone=dark", [{}])
    ]
    assert [answer.status_code for answer in answers] == [409, 422, 400, 400]
    assert answers[0].json()["received"] == "'skin_tone=dark'; missing: 'skin_tone=medium'"
    assert "'tone', where the verdict lists" in answers[1].json()["received"]

    both = ["skin_tone=medium", "skin_tone=dark"]
    promoted = api.post(path, {"acknowledged_gaps": both}, format="json")
    assert promoted.status_code == 200
    assert promoted.json()["acknowledged_gaps"] == ["skin_tone=dark", "skin_tone=medium"]


def test_mona_reads_the_recipes_and_proposes_one(champion, mona, ravi, queued):
    row = Row("b" * 64, "neutral", {}, "train", "demo", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([row]), images=1)
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    api = api_client(mona)
    head, fine_tune, article = api.get("/api/v1/retrains/recipes/").json()
    assert (head["name"], head["images"], head["measured_runs"]) == ("head", 2, 0)
    assert head["refusal"] is fine_tune["refusal"] is None
    assert head["seconds"] < fine_tune["seconds"]
    assert article["refusal"]["received"] == "none of hentai, porn, sexy"
    assert api_client(ravi).get("/api/v1/retrains/recipes/").status_code == 403

    refused = [
        api.post("/api/v1/retrains/", {"recipe": name}, format="json").status_code
        for name in ("article", "magic", "x" * 65)
    ]
    assert refused == [409, 422, 400]
    proposed = api.post("/api/v1/retrains/", {"recipe": "fine-tune"}, format="json")
    assert (proposed.status_code, proposed.json()["recipe"]) == (201, "fine-tune")
    assert proposed.json()["estimate"]["seconds"] == pytest.approx(fine_tune["seconds"], abs=1)
    unasked = api.post("/api/v1/retrains/")
    assert (unasked.status_code, unasked.json()["recipe"]) == (201, "head")
    assert unasked.json()["dataset"] == proposed.json()["dataset"]
