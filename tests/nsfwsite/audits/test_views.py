import pytest
from django.urls import reverse

from feedback.models import Audit, AuditSet, DatasetVersion, Retrain
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers


def test_anybody_can_read_the_figures_with_their_intervals(client, audit) -> None:
    text = client.get(reverse("model", args=["v1"])).content.decode()

    assert "Flat vector drawing" in text
    assert "25.0%<small>12.5% to 37.5%</small><small>50 of 200</small>" in text
    assert "OpenMoji, CC BY-SA 4.0" in text


def test_groups_with_too_few_images_show_no_figure(client, audit) -> None:
    page = client.get(reverse("model", args=["v1"]))
    text = page.content.decode()
    assert text.count("</span>Not enough images") == 2  # porn, and computer renderings
    assert "75.0%" not in text
    chart = page.context["charts"]["groups"]
    assert "Computer rendering" not in {row[1] for row in chart.rows}


def test_images_without_a_value_have_a_row_and_are_no_group(client, audit) -> None:
    figures = {**audit.figures, "not_stated": {"medium": audit.figures["overall"]}}
    Audit.objects.update(figures=figures)
    page = client.get(reverse("model", args=["v1"]))
    assert page.content.decode().count("Not stated") == 1
    assert "Not stated" not in {row[1] for row in page.context["charts"]["groups"].rows}
    assert "| Not stated | 240 |" in client.get(reverse("model-card", args=["v1"])).content.decode()


def test_a_running_audit_shows_its_progress(client, audit) -> None:
    Audit.objects.update(
        status="running", figures=None, progress={"stage": "auditing", "done": 3, "total": 240}
    )
    page = reverse("model", args=["v1"])

    assert "Auditing: 3 of 240" in client.get(page).content.decode()
    fragment = client.get(page, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()


def test_the_public_cannot_see_why_an_audit_failed(client, audit, mona) -> None:
    Audit.objects.update(
        status="failed",
        figures=None,
        failure="No such file: /srv/speakup/x.png",
        progress={"stage": "auditing", "done": 3, "total": 240, "pid": 4711},
    )
    page = reverse("model", args=["v1"])
    text = client.get(page).content.decode()
    assert "The audit failed" in text
    for public in (text, str(client.get("/api/v1/models/v1/audit/").json())):
        assert "/srv/speakup" not in public
        assert "4711" not in public

    client.force_login(mona)
    assert "/srv/speakup" in client.get(page).content.decode()


def test_the_list_of_models_shows_which_is_in_service(client, audit) -> None:
    text = client.get(reverse("models")).content.decode()

    assert "In service" in text
    assert "False alarms on 10.0% of 240 safe images. Misses are not known." in text
    assert "Any mistake on 10.0% of 240 audit images." in text


@pytest.mark.django_db
def test_an_unknown_model_is_not_found(client) -> None:
    assert client.get(reverse("model", args=["v9"])).status_code == 404
    assert client.get(reverse("model", args=["nine"])).status_code == 404


@pytest.mark.django_db
def test_the_list_of_models_may_be_empty(client) -> None:
    assert "There is none yet" in client.get(reverse("models")).content.decode()
    assert client.get(reverse("how")).status_code == 200


def test_the_overview_shows_the_champion_at_a_glance(client, two_models) -> None:
    text = client.get(reverse("audits")).content.decode()
    assert "from 264 images that it never learnt from" in text
    assert "<strong>15.2%</strong> of 264 safe images" in text  # 40 of 264 are called porn
    assert "The mix: 204 drawings, 60 neutral." in text
    assert "what decides is the medium: Flat vector drawing 20.0%, Photograph 0.0%" in text
    assert "Computer rendering (4)" in text


def test_an_unknown_filter_falls_back_to_the_default(client, two_models) -> None:
    page = client.get(reverse("audits"), {"axis": "<script>"})
    assert page.context["axis"] == "overall"
    assert "<script>alert" not in page.content.decode()


def test_a_set_with_many_gate_decisions_is_called_worn(client, two_models, mona, settings) -> None:
    settings.AUDIT_SET_WORN = 1
    champion, candidate = two_models
    assert "it is <strong>worn</strong>" not in client.get(reverse("audits")).content.decode()
    Retrain.objects.create(
        base=champion,
        candidate=candidate,
        status="evaluated",
        gate={"verdict": "pass", "cells": []},
        audit_set=AuditSet.objects.get(),
        dataset=DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1),
        config="head",
        proposed_by=mona,
    )
    text = client.get(reverse("audits")).content.decode()
    assert "1 gate decision looked at its images: it is <strong>worn</strong>" in text


def test_two_models_are_compared_as_the_gate_compares_them(client, two_models) -> None:
    page = client.get(reverse("compare"), {"before": "v2", "after": "v1"})
    text = page.content.decode()
    assert "Blocked" in text
    assert (
        "more false alarms in drawings images (NSFW score ≥ 0.3): 10 of 204 before, 40 of 204 now"
        in text
    )
    assert page.context["charts"]["differences"].title == (
        "Flat vector drawing: +15.0 points of false alarms under v1 (+10.2 to +20.5), and 4 more "
        "are worse"
    )


def test_by_default_the_newest_model_is_compared_with_the_one_before(client, two_models) -> None:
    page = client.get(reverse("compare"))
    assert (page.context["before"], page.context["after"]) == ("v1", "v2")


def test_comparing_models_whose_answers_are_missing_is_refused(client, two_models) -> None:
    for audit in Audit.objects.all():
        audit.predictions.unlink()
    page = client.get(reverse("compare"))
    assert page.status_code >= 400
    assert "answers that are gone" in page.content.decode()


def test_all_figures_of_an_audit_can_be_downloaded(client, two_models) -> None:
    response = client.get(reverse("model", args=["v1"]), {"figures": "json"})
    assert response.json()["overall"]["error"]["count"] == 100
    assert "attachment" in response.headers["Content-Disposition"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["audits", "compare", "threshold"])
def test_pages_open_before_the_first_audit(client, name) -> None:
    assert client.get(reverse(name)).status_code == 200


@pytest.mark.django_db
def test_the_release_policy_is_public(client) -> None:
    text = client.get(reverse("policy")).content.decode()
    assert "8.0%" in text
    assert "NSFW score ≥ 0.3" in text
    assert "This site keeps no explicit image" in text
    assert client.get(reverse("policy"), {"as": "json"}).json()["version"] == 3


def test_audits_on_older_sets_stay_readable(client, two_models) -> None:
    champion, _ = two_models
    newer = AuditSet.objects.create(name="newer", manifest_sha256="f" * 64, images=264)
    finished_audit(champion, newer, answers(7))
    page = client.get(reverse("audits"))
    assert page.context["audit_set"] == newer
    assert len(page.context["audits"]) == 1
    older = client.get(reverse("audits"), {"set": "demo"})
    assert len(older.context["audits"]) == 2
    assert "<option selected>demo" in older.content.decode()
    assert "So far there is one, v1." in client.get(reverse("compare")).content.decode()
    assert client.get(reverse("compare"), {"set": "demo"}).context["after"] == "v2"


def test_the_page_of_a_model_links_to_its_findings(client, audit_and_findings) -> None:
    text = client.get(reverse("model", args=["v1"])).content.decode()
    for name in ("counterfactual", "slices"):
        assert f"{reverse(name)}?model=v1&amp;set=pairs" in text
