import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from feedback.models import Audit, AuditSet, Confirmation, DatasetVersion, ModelVersion, Retrain
from feedback.services import manifests, models, triage
from modeltrain.data.manifest import Row
from tests.cast import finished_audit, premises, whole_artifact
from tests.nsfwsite.audits.examples import answers

CELL = {
    "axis": "class",
    "value": "neutral",
    "n": 140,
    "champion_error": 0.04,
    "candidate_error": 0.12,
    "difference": 0.08,
    "low": 0.06,
    "high": 0.1,
    "verdict": "blocked",
    "finding": "worse",
    "sentence": "Worse on neutral.",
}
EMPTY = {**CELL, "value": "porn", "n": 0, "verdict": "insufficient data"} | dict.fromkeys(
    ("champion_error", "candidate_error", "difference", "low", "high")
)


@pytest.fixture
def evaluated(champion, mona, settings):
    """A retrain whose candidate waits for Mona."""

    def make(verdict: str = "blocked", **changes) -> Retrain:
        candidate = ModelVersion.objects.create(
            number=2, sha256=whole_artifact("2"), title="Retrain 1", parent=champion
        )
        return Retrain.objects.create(
            **{
                "status": "evaluated",
                "base": champion,
                "candidate": candidate,
                "dataset": DatasetVersion.objects.create(
                    number=2, manifest_sha256="2" * 64, images=9, added=1
                ),
                "config": "head",
                "gate": {"verdict": verdict, "sentence": "Worse.", "cells": [CELL, EMPTY]},
                "proposed_by": mona,
                "approved_by": mona,
                "approved_at": timezone.now(),
                **premises(champion),
                **changes,
            }
        )

    return make


def page_of(retrain):
    return reverse("retrain", args=[retrain.pk])


def test_reviewer_cannot_promote(client, ravi, evaluated) -> None:
    client.force_login(ravi)
    retrain = evaluated("pass")

    assert client.post(page_of(retrain), {"action": "promote"}).status_code == 404
    assert client.get(reverse("retrains")).status_code == 403
    retrain.refresh_from_db()
    assert retrain.status == "evaluated"


def test_mona_reads_the_gate_before_she_decides(client, mona, evaluated) -> None:
    client.force_login(mona)
    text = client.get(page_of(evaluated())).content.decode()

    assert "Worse on neutral." in text
    assert "+8.0" in text
    assert "is public on the model's page" in text


def test_past_the_gate_mona_gives_a_reason(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated()

    refused = client.post(page_of(retrain), {"action": "promote", "override_reason": " "})
    promoted = client.post(page_of(retrain), {"action": "promote", "override_reason": "Worth it."})

    assert refused.status_code == 409
    assert promoted.status_code == 302
    retrain.refresh_from_db()
    assert (retrain.status, retrain.override_reason) == ("promoted", "Worth it.")
    public = client.get(reverse("model", args=["v2"])).content.decode()
    assert "Worth it." in public
    assert "mona" in public


def test_mona_declines(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated()

    client.post(page_of(retrain), {"action": "decline"})

    retrain.refresh_from_db()
    assert retrain.status == "declined"


def test_a_step_out_of_order_is_refused(client, mona, evaluated) -> None:
    client.force_login(mona)
    page = client.post(page_of(evaluated()), {"action": "approve"})

    assert page.status_code == 409
    assert "while it is proposed" in page.content.decode()


def test_progress_is_a_fragment_while_it_runs(client, mona, evaluated) -> None:
    client.force_login(mona)
    progress = {"stage": "features", "done": 12, "total": 400, "message": "computing"}
    retrain = evaluated(status="running", progress=progress)

    text = client.get(page_of(retrain), headers={"HX-Request": "true"}).content.decode()

    assert "Features: 12 of 400" in text
    assert "<html" not in text


def test_the_page_reloads_when_the_retrain_has_run(client, mona, evaluated) -> None:
    client.force_login(mona)
    answer = client.get(page_of(evaluated()), headers={"HX-Request": "true"})

    assert answer.headers["HX-Refresh"] == "true"


def test_a_failure_is_shown_with_a_next_step(client, mona, evaluated) -> None:
    client.force_login(mona)
    text = client.get(page_of(evaluated(status="failed", failure="Killed (SIGKILL).")))

    assert "Killed (SIGKILL)." in text.content.decode()
    assert "Start again" in text.content.decode()


def test_proposing_with_nothing_to_learn_is_refused(client, mona, champion) -> None:
    client.force_login(mona)
    page = client.post(reverse("retrains"))

    assert page.status_code == 409
    assert "Decide some reports first" in page.content.decode()


def test_a_verdict_that_is_out_of_date_is_said_to_be_and_cannot_be_used(
    client, mona, evaluated
) -> None:
    client.force_login(mona)
    retrain = evaluated("pass")
    other = ModelVersion.objects.create(
        number=9, sha256="9" * 64, title="Other", status="retired", promoted_at=timezone.now()
    )
    models.put_in_service(other, by=mona)

    page = client.get(page_of(retrain)).content.decode()
    assert "It was compared with v1, and v9 is in service now." in page
    assert "judges v2 again by itself" in page
    assert 'value="promote"' not in page
    assert 'value="decline"' in page
    fragment = client.get(page_of(retrain), headers={"HX-Request": "true"}).content.decode()
    assert "This verdict is out of date" in fragment
    assert "<html" not in fragment

    refused = client.post(page_of(retrain), {"action": "promote"})
    assert refused.status_code == 409
    assert "Decide then." in refused.content.decode()
    assert ModelVersion.objects.champion() == other


def test_an_audit_that_failed_is_shown_and_can_be_repeated(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated("pass")
    newer = AuditSet.objects.create(name="newer", manifest_sha256="d" * 64, images=264)
    audit = Audit.objects.create(
        model=retrain.candidate, audit_set=newer, status="failed", failure="An image is missing."
    )
    assert "An image is missing." in client.get(page_of(retrain)).content.decode()

    client.post(page_of(retrain), {"action": "judge"})
    audit.refresh_from_db()
    assert audit.status == "waiting"


def test_lost_answers_are_shown_with_the_way_out(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated("pass")
    newer = AuditSet.objects.create(name="newer", manifest_sha256="d" * 64, images=264)
    audit = finished_audit(retrain.candidate, newer, answers(10))
    audit.predictions.unlink()
    page = client.get(page_of(retrain)).content.decode()
    assert "The audit of v2 on newer cannot be used, because the file" in page
    assert "Audit and judge it again" in page

    client.post(page_of(retrain), {"action": "judge"})
    audit.refresh_from_db()
    assert audit.status == "waiting"


def test_a_recomputed_result_stands_beside_the_verdict_at_the_time(client, mona, evaluated) -> None:
    retrain = evaluated("pass", status="promoted", decided_by=mona, decided_at=timezone.now())
    client.force_login(mona)
    addresses = (page_of(retrain), reverse("model", args=["v2"]), reverse("models"))
    for address in addresses:
        assert "Recomputed under" not in client.get(address).content.decode()
    recomputed = {
        "verdict": "blocked",
        "sentence": "Blocked: more false alarms.",
        "policy": {"version": 3},
        "gaps": [
            {"axis": "tone", "value": "dark", "blocks": False, "sentence": "A gap opens: dark."}
        ],
    }
    Retrain.objects.update(
        gate={**retrain.gate, "policy": {"version": 2}},
        recomputed_gate=recomputed,
        recomputed_policy_sha256="3" * 64,
        recomputed_at=timezone.now(),
    )
    for address in addresses:
        page = client.get(address).content.decode()
        assert "Recomputed under version 3 of the policy" in page
        assert "Blocked: more false alarms." in page
        assert "A gap opens: dark." in page
        assert "The verdict at the time, by version 2, was" in page
        assert "Worse." in page
    card = client.get(reverse("model-card", args=["v2"])).content.decode()
    assert "Recomputed under version 3 of the policy" in card


@pytest.fixture
def sealed(evaluated):
    """A passed candidate, and a confirmation set that was not opened yet."""
    retrain = evaluated("pass")
    AuditSet.objects.create(name="sealed", manifest_sha256="5" * 64, images=264, confirmation=True)
    return retrain


def test_mona_has_a_passed_candidate_judged_on_the_confirmation_set(client, mona, sealed) -> None:
    client.force_login(mona)
    page = client.get(page_of(sealed)).content.decode()
    assert "have it judged on the confirmation set <strong>sealed</strong> first" in page
    assert 'value="promote"' not in page
    refused = client.post(page_of(sealed), {"action": "promote"})
    assert refused.status_code == 409
    assert "which has no verdict on sealed" in refused.content.decode()

    client.post(page_of(sealed), {"action": "confirm"})
    page = client.get(page_of(sealed)).content.decode()
    assert "v2 is judged on the confirmation set sealed" in page
    assert 'value="confirm"' not in page
    fragment = client.get(page_of(sealed), headers={"HX-Request": "true"}).content.decode()
    assert "v2 is judged on the confirmation set sealed" in fragment
    assert "<html" not in fragment
    Audit.objects.update(status="failed", failure="An image is missing.")
    page = client.get(page_of(sealed)).content.decode()
    assert "because it failed: An image is missing." in page
    assert "Audit it again" in page

    gate = {**sealed.gate, "sentence": "Nothing speaks against it.", "policy": {"version": 3}}
    Confirmation.objects.update(gate=gate, judged_at=timezone.now())
    page = client.get(page_of(sealed)).content.decode()
    assert "Nothing speaks against it." in page
    assert "and the confirmation set does not speak against it" in page
    client.post(page_of(sealed), {"action": "promote"})
    public = client.get(reverse("model", args=["v2"])).content.decode()
    assert "On the confirmation set sealed" in public
    assert "Nothing speaks against it." in public
    assert "Nothing speaks against it." in (
        client.get(reverse("model-card", args=["v2"])).content.decode()
    )
    overview = client.get(reverse("audits")).content.decode()
    assert "264 images, a confirmation set" in overview
    assert "1 gate decision looked at its images" in overview


def test_past_the_confirmation_set_mona_gives_a_reason(client, mona, sealed) -> None:
    client.force_login(mona)
    client.post(page_of(sealed), {"action": "confirm"})
    gate = {**sealed.gate, "verdict": "blocked", "sentence": "Blocked: more false alarms."}
    Confirmation.objects.update(gate=gate, judged_at=timezone.now())
    page = client.post(page_of(sealed), {"action": "promote"}).content.decode()
    assert "The confirmation set blocks it." in page
    assert '<a href="#id_reason">Write a reason</a>' in page

    client.post(page_of(sealed), {"action": "promote", "override_reason": "Worth it."})
    public = client.get(reverse("ledger")).content.decode()
    assert "although the confirmation set had not let it through" in public
    assert "Blocked: more false alarms" in public
    public = client.get(reverse("model", args=["v2"])).content.decode()
    assert "Worth it." in public
    assert "The gate had not passed." not in public


def test_mona_confirms_each_gap_in_public(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated("pass")
    gaps = [
        {
            "measure": "error",
            "rule": "highest score",
            "axis": "skin_tone",
            "value": tone,
            "n": 120,
            "before": {"rate": 0.5, "rest_rate": 0.5},
            "now": {"rate": 0.33, "rest_rate": 0.04, "ratio": 8.25},
            "difference": 0.29,
            "p_value": 0.001,
            "blocks": False,
            "sentence": f"A gap opens: {tone}.",
        }
        for tone in ("dark", "medium")
    ]
    sentence = f"Pass. {gaps[0]['sentence']}"
    Retrain.objects.update(gate={**retrain.gate, "sentence": sentence, "gaps": gaps})
    page = client.get(page_of(retrain)).content.decode()
    assert "Pass. A gap opens for images with skin tone dark." in page
    assert [page.count(gap["sentence"]) for gap in gaps] == [1, 1]
    assert all(f'{name}="gap-2"' in page for name in ("aria-describedby", "id"))

    refused = client.post(
        page_of(retrain), {"action": "promote", "acknowledged_gaps": ["skin_tone=dark"]}
    )
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "<title>Error: Retrain" in page
    assert '<a href="#id_gap_2">Confirm that you have read about the gap: skin_tone, medium' in page
    assert 'id="id_gap_2_error"' in page
    assert 'id="id_gap_1_error"' not in page
    assert 'value="skin_tone=dark" checked' in page

    client.post(
        page_of(retrain),
        {"action": "promote", "acknowledged_gaps": ["skin_tone=dark", "skin_tone=medium"]},
    )
    for address in (reverse("ledger"), reverse("model", args=["v2"]), reverse("models")):
        public = client.get(address).content.decode()
        assert "confirmed to have read that" in public
        assert "A gap opens: medium." in public


def test_a_blocked_candidate_with_a_gap_needs_reason_and_box(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated()
    gap = {"measure": "miss", "rule": "highest score", "axis": "a", "value": "b", "blocks": True}
    Retrain.objects.update(gate={**retrain.gate, "gaps": [{**gap, "sentence": "A gap opens."}]})

    page = client.post(page_of(retrain), {"action": "promote"}).content.decode()
    assert '<a href="#id_reason">Write a reason</a>' in page
    assert '<a href="#id_gap_1">' in page

    client.post(page_of(retrain), {"action": "decline"})
    retrain.refresh_from_db()
    assert retrain.status == "declined"


@pytest.fixture
def proposed(champion, mona):
    dataset = DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=9, added=1)
    return Retrain.objects.create(base=champion, dataset=dataset, config="head", proposed_by=mona)


def test_a_proposed_retrain_says_what_the_gate_could_see(client, mona, axes, proposed) -> None:
    client.force_login(mona)
    url = page_of(proposed)
    page = client.get(url).content.decode()
    assert "That is not known: v1 has no finished audit yet." in page
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    assert "v1 has no finished audit on the set demo yet." in client.get(url).content.decode()
    audit = finished_audit(proposed.base, audit_set, answers(100, alarms=40))
    response = client.get(url)
    page = response.content.decode()
    assert response.context["shortage"]["sentence"] in page
    assert response.context["short"][0]["sentence"] in page
    assert f'href="{reverse("shortage")}?model=v1&amp;set=demo"' in page
    assert "Hentai, porn and sexy images are not required (This site keeps no explicit" in page
    audit.predictions.unlink()
    cache.clear()
    assert "That is not known" in client.get(url).content.decode()


def test_the_list_of_retrains_says_what_each_verdict_found(client, mona, evaluated) -> None:
    client.force_login(mona)
    evaluated(gate={"verdict": "blocked", "sentence": "Worse; porn is not judged.", "cells": []})
    assert "Worse; porn is not judged." in client.get(reverse("retrains")).content.decode()


@pytest.fixture
def accepted(champion, queued, ravi) -> None:
    """A drawing to learn from, beside a photograph that nobody reported."""
    row = Row("b" * 64, "neutral", {}, "train", "demo", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([row]), images=1)
    triage.decide(report=queued(), outcome="accepted", by=ravi)


def test_mona_chooses_a_recipe_and_sees_what_it_costs(client, mona, accepted) -> None:
    client.force_login(mona)
    page = client.get(reverse("retrains"))
    text = " ".join(page.content.decode().split())
    assert 'value="head" required checked>' in text
    assert "2 images, up to 80 seconds. It has not run here yet" in text
    assert 'value="article" required disabled>' in text
    assert "The recipe article needs images of every class" in text

    sent = client.post(reverse("retrains"), {"recipe": "fine-tune"})
    retrain = Retrain.objects.get()
    assert (sent.url, retrain.recipe) == (page_of(retrain), "fine-tune")
    text = client.get(page_of(retrain)).content.decode()
    assert "Fine-tune. Trains the last three layers and the convolutions" in text
    assert "This recipe has not run here yet" in text

    text = " ".join(client.get(reverse("retrains")).content.decode().split())
    assert "You can train another candidate on the same data" in text
    assert 'value="fine-tune" required disabled>' in text


def test_a_recipe_that_cannot_be_used_is_refused(client, mona, accepted) -> None:
    client.force_login(mona)
    unknown = client.post(reverse("retrains"), {"recipe": "magic"})
    unmet = client.post(reverse("retrains"), {"recipe": "article"})
    assert (unknown.status_code, unmet.status_code) == (422, 409)
    assert "none of hentai, porn, sexy" in unmet.content.decode()
    assert not Retrain.objects.exists()


def test_a_retrain_that_ran_shows_its_time_beside_the_estimate(client, mona, evaluated) -> None:
    client.force_login(mona)
    retrain = evaluated(
        estimate={"seconds": 600, "images": 9, "train": 9, "runs": 1},
        stages={"auditing": {"seconds": 400.0, "units": 9}, "training": {"seconds": 20.0}},
    )
    text = client.get(page_of(retrain)).content.decode()
    assert "7 minutes; up to 10 minutes were estimated" in text
