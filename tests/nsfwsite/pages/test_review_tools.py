import time

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import ModelVersion, Occlusion
from feedback.services import models, triage
from modeltrain.model.artifact import ArtifactCorrupt
from tests.feedback.services.test_occlusions import OfTheCorner
from worker import heartbeat
from worker.tasks import inference

HTMX = {"HX-Request": "true"}


@pytest.fixture
def worker(monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)


def image_of(report):
    return report.examples.get().image


def occlusion_of(report):
    return reverse("occlusion", args=[image_of(report).pk])


def mapped(report, champion) -> Occlusion:
    """Greying the first square lowers the score by 0.5, the last raises it by 0.1."""
    scores = [[0.9] * 8 for _ in range(8)]
    scores[0][0], scores[7][7] = 0.4, 1.0
    return Occlusion.objects.create(
        image=image_of(report),
        model=champion,
        label="neutral",
        score=0.9,
        scores=scores,
        done=8,
        rows=8,
        touched_at=timezone.now(),
    )


def test_ravi_reads_what_moved_the_score(client, ravi, queued, champion) -> None:
    report = queued()
    mapped(report, champion)
    client.force_login(ravi)
    text = client.get(reverse("case", args=[report.pk])).content.decode()

    assert "Grey the square marked 1 and neutral falls from 0.90 to 0.40." in text
    assert "Grey the square marked 2 and neutral rises from 0.90 to 1.00." in text
    assert 'class="falls" x="0" y="0" width="10" height="7" fill-opacity="0.8"' in text
    assert "?clear" not in text
    assert 'data-key="m"' not in text


def test_a_map_without_strong_squares_says_so(client, ravi, queued, champion) -> None:
    report = queued()
    mapped(report, champion)
    Occlusion.objects.update(scores=[[0.9] * 8] * 8)
    client.force_login(ravi)
    text = client.get(reverse("case", args=[report.pk])).content.decode()
    assert "No single square moves it" in text


@pytest.mark.django_db(transaction=True)
def test_ravi_asks_and_watches(client, ravi, queued, worker, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr("nsfwsite.intake.classifying.occlude_task.delay_on_commit", sent.append)
    report = queued()
    client.force_login(ravi)
    page = client.get(reverse("case", args=[report.pk])).content.decode()
    assert 'data-key="m"' in page

    text = client.post(occlusion_of(report), headers=HTMX).content.decode()

    occlusion = Occlusion.objects.get()
    assert sent == [occlusion.pk]
    assert "0 of 8" in text
    assert 'hx-trigger="every 1s"' in text
    again = client.post(occlusion_of(report))
    assert again.status_code == 409
    assert "A model is asked once" in again.content.decode()
    assert (
        "A model is asked once" in client.post(occlusion_of(report), headers=HTMX).content.decode()
    )
    assert sent == [occlusion.pk]


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_it_is_refused_and_nothing_is_kept(client, ravi, queued) -> None:
    client.force_login(ravi)
    assert client.post(occlusion_of(queued())).status_code == 503
    assert not Occlusion.objects.exists()


def test_only_people_who_may_see_the_image_get_its_map(client, ravi, sam, queued, filed) -> None:
    report, unscreened = queued(1), filed(2)
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
    client.force_login(ravi)
    for hidden in (report, unscreened):
        assert client.post(occlusion_of(hidden)).status_code == 404
    client.force_login(sam)
    assert client.post(occlusion_of(report)).status_code == 404


def test_a_task_that_fails_says_so(queued, champion) -> None:
    occlusion = mapped(queued(), champion)
    Occlusion.objects.update(done=0, scores=[])
    with pytest.raises(ArtifactCorrupt):
        inference.occlude_task(occlusion.pk)
    assert Occlusion.objects.get().failure == "ArtifactCorrupt"


@pytest.mark.django_db(transaction=True)
def test_a_worker_finishes_the_map_row_by_row(
    client, ravi, queued, inference_worker, monkeypatch
) -> None:
    monkeypatch.setattr(models, "classifier_of", lambda model: OfTheCorner())
    client.force_login(ravi)
    assert client.post(occlusion_of(queued())).status_code == 302

    deadline = time.monotonic() + 30
    while not Occlusion.objects.get().finished and time.monotonic() < deadline:
        time.sleep(0.1)

    assert Occlusion.objects.get().scores[0][0] == 0.3


def test_the_model_in_service_judges_a_report_that_it_has_not_judged(
    client, ravi, queued, champion, monkeypatch
) -> None:
    sent = []
    monkeypatch.setattr(
        "nsfwsite.intake.classifying.judge_report_task.delay_on_commit", sent.append
    )
    report = queued()
    client.force_login(ravi)
    case = reverse("case", args=[report.pk])
    assert "What each model said" not in client.get(case).content.decode()
    assert sent == []
    ModelVersion.objects.update(status="retired")
    newer = ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="2", status="champion", promoted_at=timezone.now()
    )

    assert "is asked now" in client.get(case).content.decode()
    assert sent == [report.pk]
    report.examples.get().scores.create(
        model=newer, label="drawings", scores={"drawings": 0.83, "neutral": 0.17}
    )

    part = client.get(reverse("model-answers", args=[image_of(report).pk])).content.decode()
    assert "v2, in service" in part
    assert "0.83" in part
    assert "0.05" in part
    assert "hx-get" not in part
