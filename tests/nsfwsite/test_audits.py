import csv
import io

import pytest
import yaml
from django.urls import reverse
from django.utils import timezone

from feedback.models import Audit, AuditSet, DatasetVersion, ModelVersion, Retrain
from feedback.services import manifests
from modeltrain.audit.evaluate import Predicted
from modeltrain.data.manifest import Row
from modeltrain.labels import LABELS
from tests.cast import finished_audit


def measure(count: int, n: int) -> dict:
    rate = count / n if n else None
    spread = {"low": rate and rate / 2, "high": rate and rate * 1.5}
    return {"count": count, "n": n, "rate": rate, **spread}


def cell(n: int, wrong: int) -> dict:
    return {
        "n": n,
        "enough": n >= 30,
        "error": measure(wrong, n),
        "false_alarm": measure(wrong, n),
        "miss": measure(0, 0),
        "confusion": measure(0, n),
    }


FIGURES = {
    "images": 240,
    "minimum": 30,
    "labels": ["drawings", "neutral"],
    "overall": cell(240, 24),
    "classes": {"drawings": cell(200, 20), "porn": cell(0, 0)},
    "groups": {"medium": {"vector": cell(200, 50), "render": cell(4, 3)}},
}


@pytest.fixture
def audit(champion, axes):
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256="e" * 64, images=240, card="OpenMoji, CC BY-SA 4.0"
    )
    return Audit.objects.create(
        model=champion,
        audit_set=audit_set,
        status="done",
        figures=FIGURES,
        finished_at=timezone.now(),
    )


def test_anybody_reads_the_figures_with_their_ranges(client, audit) -> None:
    text = client.get(reverse("model", args=["v1"])).content.decode()

    assert "Flat vector drawing" in text
    assert "25.0%<small>12.5% to 37.5%</small><small>50 of 200</small>" in text
    assert "OpenMoji, CC BY-SA 4.0" in text


def test_too_few_images_are_no_figure(client, audit) -> None:
    page = client.get(reverse("model", args=["v1"]))
    text = page.content.decode()
    assert text.count("Insufficient data") == 2  # porn, and computer renderings
    assert "75.0%" not in text
    drawn = page.context["charts"]["groups"]
    assert "Computer rendering" not in {row[1] for row in drawn.rows}


def test_a_running_audit_tells_how_far_it_is(client, audit) -> None:
    Audit.objects.update(
        status="running", figures=None, progress={"stage": "auditing", "done": 3, "total": 240}
    )
    page = reverse("model", args=["v1"])

    assert "Auditing: 3 of 240" in client.get(page).content.decode()
    fragment = client.get(page, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()


def test_a_failed_audit_tells_the_public_nothing_of_the_machine(client, audit, mona) -> None:
    Audit.objects.update(
        status="failed",
        figures=None,
        failure="No such file: /srv/speakup/x.png",
        progress={"stage": "auditing", "done": 3, "total": 240, "pid": 4711},
    )
    page = reverse("model", args=["v1"])
    told = client.get(page).content.decode() + str(client.get("/api/v1/models/v1/audit/").json())
    assert "The audit failed" in told
    assert "/srv/speakup" not in told
    assert "4711" not in told

    client.force_login(mona)
    assert "/srv/speakup" in client.get(page).content.decode()


def test_the_list_says_which_model_is_in_service(client, audit) -> None:
    text = client.get(reverse("models")).content.decode()

    assert "In service" in text
    assert "Wrong on 10.0% of 240 audit images." in text


@pytest.mark.django_db
def test_an_unknown_model_is_not_found(client) -> None:
    assert client.get(reverse("model", args=["v9"])).status_code == 404
    assert client.get(reverse("model", args=["nine"])).status_code == 404


@pytest.mark.django_db
def test_empty_lists_stand(client) -> None:
    assert "There is none yet" in client.get(reverse("models")).content.decode()
    assert client.get(reverse("how")).status_code == 200


def answers(wrong: int, *, alarms: int = 0) -> list[Predicted]:
    """Predictions of 200 vector drawings, so many wrong, 60 photographs and 4 renderings.

    So many of the wrong drawings are called porn.
    """
    made = []
    groups = [("drawings", "vector")] * 200 + [("neutral", "photograph")] * 60
    groups += [("drawings", "render")] * 4
    for number, (label, medium) in enumerate(groups):
        said = label
        if label == "drawings" and number < wrong:
            said = "porn" if number < alarms else "neutral"
        scores = {each: 0.9 if each == said else 0.025 for each in LABELS}
        tone = "dark" if number % 2 else "light"
        made.append(
            Predicted(
                f"{number:064x}",
                str(number),
                label,
                {"medium": medium, "skin_tone": tone} if number < 200 else {"medium": medium},
                scores,
            )
        )
    return made


@pytest.fixture
def two_models(champion, axes):
    """The champion, and a candidate that is better on drawings; both audited."""
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    for model, predicted in (
        (champion, answers(100, alarms=40)),
        (candidate, answers(20, alarms=10)),
    ):
        finished_audit(model, audit_set, predicted)
    return champion, candidate


def test_the_overview_tells_the_champion_at_a_glance(client, two_models) -> None:
    text = client.get(reverse("audits")).content.decode()
    assert "On 264 images" in text
    assert "<strong>37.9%</strong>" in text  # 100 of 264
    assert "<strong>Flat vector drawing</strong>" in text
    assert "Computer rendering (4)" in text


def test_the_trend_says_what_changed_most(client, two_models) -> None:
    page = client.get(reverse("audits"), {"axis": "class"})
    trend = page.context["charts"]["trend"]
    assert trend.title == "drawings: 49.0% wrong under v1, 9.8% under v2"
    assert trend.title in page.content.decode()


def test_an_unknown_filter_is_the_default(client, two_models) -> None:
    page = client.get(reverse("audits"), {"axis": "<script>"})
    assert page.context["axis"] == "overall"
    assert "<script>alert" not in page.content.decode()


def test_a_set_that_decided_often_is_called_worn(client, two_models, mona, settings) -> None:
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
    assert "1 gate decision looked at it: it is <strong>worn</strong>" in text


def test_two_models_are_compared_as_the_gate_would(client, two_models) -> None:
    page = client.get(reverse("compare"), {"before": "v2", "after": "v1"})
    text = page.content.decode()
    assert "Blocked" in text
    assert "drawings images are wrong more often: 20 of 204 before, 100 of 204 now" in text
    assert (
        page.context["charts"]["differences"].title == "Flat vector drawing: +40.0 points under v1"
    )


def test_the_newest_is_compared_with_the_one_before_unless_asked(client, two_models) -> None:
    page = client.get(reverse("compare"))
    assert (page.context["before"], page.context["after"]) == ("v1", "v2")


def test_answers_that_are_gone_are_told(client, two_models) -> None:
    for audit in Audit.objects.all():
        audit.predictions.unlink()
    page = client.get(reverse("compare"))
    assert page.status_code >= 400
    assert "answers that are gone" in page.content.decode()


def test_the_threshold_moves_every_group(client, two_models) -> None:
    low = client.get(reverse("threshold"), {"model": "v1", "axis": "medium", "at": "50"})
    high = client.get(reverse("threshold"), {"model": "v1", "axis": "medium", "at": "96"})
    (alarms, misses) = low.context["sides"]
    rates = {share["group"]: share["rate"] for share in alarms["shares"]}
    assert rates == {"Flat vector drawing": 0.2, "Photograph": 0.0, "Computer rendering": 0.0}
    assert misses["chart"] is None  # nothing here is NSFW
    assert {share["rate"] for share in high.context["sides"][0]["shares"]} == {0.0}
    assert "groups are 20.0% apart at 50, and nowhere nearer" in alarms["chart"].title


@pytest.mark.parametrize("at", ["0", "100", "-3", "many", "50.5"])
def test_a_threshold_that_is_none_is_50(client, two_models, at) -> None:
    assert client.get(reverse("threshold"), {"at": at}).context["at"] == 50


@pytest.mark.parametrize(
    ("page", "chart"),
    [
        (("audits", []), "trend"),
        (("model", ["v1"]), "groups"),
        (("model", ["v1"]), "confusion"),
        (("compare", []), "differences"),
        (("threshold", []), "false_alarm"),
    ],
)
def test_every_chart_comes_as_a_picture_and_as_figures(client, two_models, page, chart) -> None:
    name, arguments = page
    where = reverse(name, args=arguments)
    svg = client.get(where, {"chart": chart, "as": "svg", "theme": "dark", "width": "narrow"})
    assert svg.content.startswith(b"<svg")
    assert "default-src 'none'" in svg.headers["Content-Security-Policy"]
    png = client.get(where, {"chart": chart, "as": "png"})
    assert png.content.startswith(b"\x89PNG")
    said = client.get(where, {"chart": chart, "as": "json"}).json()
    rows = list(csv.reader(io.StringIO(client.get(where, {"chart": chart, "as": "csv"}).text)))
    assert len(rows) == len(said["rows"]) + 1
    assert said["title"]
    assert list(said["rows"][0]) == rows[0]


@pytest.mark.parametrize("query", [{"chart": "x"}, {"chart": "trend", "as": "exe"}])
def test_a_chart_that_is_not_there_is_not_found(client, two_models, query) -> None:
    assert client.get(reverse("audits"), query).status_code == 404


def test_all_figures_of_an_audit_can_be_taken_away(client, two_models) -> None:
    answer = client.get(reverse("model", args=["v1"]), {"figures": "json"})
    assert answer.json()["overall"]["error"]["count"] == 100
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["audits", "compare", "threshold"])
def test_pages_stand_before_the_first_audit(client, name) -> None:
    assert client.get(reverse(name)).status_code == 200


def test_the_gates_policy_is_public(client) -> None:
    text = client.get(reverse("policy")).content.decode()
    assert "8.0%" in text
    assert "passes only where no image is newly wrong" in text
    assert client.get(reverse("policy"), {"as": "json"}).json()["version"] == 2


def front_and_text(answer) -> tuple[dict, str]:
    _, front, text = answer.content.decode().split("---\n", 2)
    return yaml.safe_load(front), text


def test_a_models_card_is_written_from_facts(client, two_models) -> None:
    front, text = front_and_text(client.get(reverse("model-card", args=["v1"])))
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(1 - 100 / 264, abs=1e-4)
    assert result["dataset"]["revision"] == "e" * 64
    assert "37.9% (32.2% to 43.9%; 100 of 264)" in text
    assert "| Computer rendering | 4 | insufficient data |" in text


def test_a_card_says_who_promoted_past_the_gate_and_their_words_are_inert(
    client, two_models, mona
) -> None:
    champion, candidate = two_models
    Retrain.objects.create(
        base=champion,
        candidate=candidate,
        status="promoted",
        gate={"verdict": "blocked", "sentence": "Blocked: drawings.", "cells": []},
        dataset=DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1),
        config="head",
        proposed_by=mona,
        decided_by=mona,
        decided_at=timezone.now(),
        override_reason="# Big\n<script>",
    )
    _, text = front_and_text(client.get(reverse("model-card", args=["v2"])))
    assert "Blocked: drawings." in text
    assert "Promoted by mona" in text
    assert "> \\# Big\n> \\<script\\>" in text


def test_a_datasets_card_counts_what_is_in_it(client, axes) -> None:
    rows = [
        Row("a" * 64, "neutral", {"medium": "photograph"}, "train", "stamps", "owl"),
        Row("b" * 64, "drawings", {"medium": "vector"}, "train", "report", "fox"),
    ]
    sha256 = manifests.publish(rows)
    DatasetVersion.objects.create(number=3, manifest_sha256=sha256, images=2, added=1)
    front, text = front_and_text(client.get(reverse("dataset-card", args=[3])))
    assert front["size_categories"] == ["n<1K"]
    assert "| drawings | train | reported | 1 |" in text
    assert "| Medium Flat vector drawing | 1 |" in text
    assert "None yet." in text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/models/v7/card.md", "/datasets/7/card.md"])
def test_a_card_of_nothing_is_not_found(client, path) -> None:
    assert client.get(path).status_code == 404


def test_older_audit_sets_stay_readable(client, two_models) -> None:
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
