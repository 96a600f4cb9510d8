import pytest
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.models import (
    Classification,
    DatasetVersion,
    ExampleScore,
    ModelVersion,
    NotLearnt,
    Report,
    Retrain,
)
from feedback.services import models, triage
from tests.cast import SCORES
from tests.nsfwsite.pages.addresses import receipt_url


def test_rosa_reads_what_became_of_her_report(client, queued) -> None:
    page = client.get(receipt_url(queued()))

    assert "in the queue for a reviewer" in page.content.decode()


def test_a_receipt_is_not_cached_indexed_or_passed_on(client, queued) -> None:
    headers = client.get(receipt_url(queued())).headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in headers["Cache-Control"]
    assert "noindex" in headers["X-Robots-Tag"]


@pytest.mark.django_db
def test_stranger_cannot_see_a_receipt(client, queued) -> None:
    queued()

    assert client.get(reverse("receipt", args=["a-guess"])).status_code == 404
    assert client.post(reverse("withdraw", args=["a-guess"])).status_code == 404


def test_the_receipt_says_then_and_now(client, queued) -> None:
    report = queued()
    newer = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    models.put_in_service(newer)
    scores = {"drawings": 0.97, "hentai": 0.01, "neutral": 0.01, "porn": 0.005, "sexy": 0.005}
    ExampleScore.objects.create(
        example=report.examples.get(), model=newer, label="drawings", scores=scores
    )

    text = " ".join(client.get(receipt_url(report)).content.decode().split())

    assert 'It said <strong>neutral</strong> <span class="number">0.90</span>' in text
    assert 'now says <strong>drawings</strong> <span class="number">0.97</span>' in text
    assert "That is what you said." in text

    models.put_in_service(ModelVersion.objects.get(number=1))  # rolled back
    assert "now says" not in client.get(receipt_url(report)).content.decode()


def test_the_reporter_reads_why_ravi_said_no(client, queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph of a wall.")

    text = client.get(receipt_url(report)).content.decode()

    assert "A photograph of a wall." in text
    assert "ravi" not in text


def test_rosa_withdraws_and_the_pixels_are_gone(client, queued) -> None:
    report = queued()

    client.post(reverse("withdraw", args=[report.receipt]))

    report.refresh_from_db()
    assert report.status == Report.Status.WITHDRAWN
    assert not report.examples.exists()
    assert not Classification.objects.exclude(image_sha256="").exists()
    assert "was withdrawn" in client.get(receipt_url(report)).content.decode()


def test_a_second_withdrawal_is_refused_as_a_page(client, queued) -> None:
    report = queued()
    url = reverse("withdraw", args=[report.receipt])
    client.post(url)

    page = client.post(url)

    assert page.status_code == 409
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert f'href="{receipt_url(report)}"' in page.content.decode()
    assert "can be withdrawn once" in page.content.decode()


def test_hostile_text_is_escaped(client, queued) -> None:
    page = client.get(receipt_url(queued(description="<script>alert(1)</script>")))

    assert "&lt;script&gt;alert(1)" in page.content.decode()


def test_following_a_link_withdraws_nothing(client, queued) -> None:
    assert client.get(reverse("withdraw", args=[queued().receipt])).status_code == 405


def test_a_report_without_pictures_is_promised_no_training(client, queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi, label="porn")

    page = client.get(receipt_url(report)).content.decode()
    assert (
        "Left out: image 1 (of which only the answer is kept). So no model learns from it" in page
    )
    assert "added to the data" not in page
    assert queries.reports.learnable_counts() == {"reports": 0, "images": 0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consent_train": False}, "Left out: image 1 (sent without consent to train)."),
        ({"classifications": []}, "It has no image to learn from"),
    ],
)
def test_a_report_that_nothing_is_learnt_from_is_promised_nothing(
    client, queued, ravi, changes, words
) -> None:
    report = queued(**changes)
    triage.decide(report=report, outcome="accepted", by=ravi)
    page = client.get(receipt_url(report)).content.decode()
    assert words in page
    assert "added to the data" not in page


@pytest.mark.parametrize("reason", NotLearnt.values[2:])
def test_the_receipt_says_why_one_image_of_two_is_left_out(
    client, queued, judged, ravi, reason
) -> None:
    report = queued(classifications=[judged(1), judged(2)])
    triage.decide(report=report, outcome="accepted", by=ravi)
    report.examples.filter(position=1).update(left_out=reason)
    page = client.get(receipt_url(report)).content.decode()
    assert "its images are added to the data that the next model learns from. Left out: " in page
    assert f"image 2 ({NotLearnt(reason).label})." in page


def test_the_receipt_leads_to_what_everybody_can_read(client, queued, ravi) -> None:
    report = queued()
    assert "What everybody can read" not in client.get(receipt_url(report)).content.decode()
    triage.decide(report=report, outcome="accepted", by=ravi)

    public = Report.objects.get(pk=report.pk).public
    assert (
        f'href="{reverse("reports")}?id={public.pk}"'
        in client.get(receipt_url(report)).content.decode()
    )


def test_rosa_asks_once_for_another_look(client, queued, ravi) -> None:
    report = queued()
    url = reverse("appeal", args=[report.receipt])
    assert client.post(url, {"appeal": "Look at the signature."}).status_code == 409
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph of a wall.")
    assert "Ask for another look" in client.get(receipt_url(report)).content.decode()
    for words in ("", "  ", "x" * 2001):
        assert client.post(url, {"appeal": words}).status_code == 422

    client.post(url, {"appeal": "Look at the <b>signature</b>."})

    text = client.get(receipt_url(report)).content.decode()
    assert "You asked for another look." in text
    assert "Look at the &lt;b&gt;signature&lt;/b&gt;." in text
    assert "Ask for another look" not in text
    report.refresh_from_db()
    assert report.status == "queued"
    triage.decide(report=report, outcome="rejected", by=ravi, reason="The wall is real.")
    again = client.post(url, {"appeal": "And again."})
    assert again.status_code == 409
    assert "can be appealed once" in again.content.decode()
    assert "Ask for another look" not in client.get(receipt_url(report)).content.decode()


def test_a_withdrawn_appeal_leaves_no_words(client, queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph of a wall.")
    client.post(reverse("appeal", args=[report.receipt]), {"appeal": "My own drawing."})
    client.post(reverse("withdraw", args=[report.receipt]))

    report.refresh_from_db()
    assert report.appeal == ""
    assert "My own drawing." not in client.get(receipt_url(report)).content.decode()


def test_a_renewed_receipt_replaces_the_old_link(client, queued) -> None:
    report = queued()
    old = receipt_url(report)

    answer = client.post(reverse("renew", args=[report.receipt]))

    assert answer.url != old
    assert client.get(old).status_code == 404
    assert client.post(reverse("withdraw", args=[report.receipt])).status_code == 404
    assert "in the queue for a reviewer" in client.get(answer.url).content.decode()


def words(page) -> str:
    return " ".join(page.content.decode().split())


def test_state_next_step_and_usual_time_come_first(client, queued, ravi) -> None:
    for seed in range(5):
        triage.decide(report=queued(seed), outcome="accepted", by=ravi)
    text = words(client.get(receipt_url(queued(9))))
    assert text.index("It waits for a reviewer") < text.index("What has happened")
    assert text.index("It waits for a reviewer") < text.index("Keep this link")
    assert "Next, a reviewer reads it and decides." in text
    assert "Usually, that was decided in less than a minute." in text
    assert "Thank you." in text


def test_a_usual_time_is_not_claimed_after_few_decisions(client, queued) -> None:
    assert "is not known yet: few reports have been decided" in words(
        client.get(receipt_url(queued()))
    )


def in_dataset(report: Report) -> DatasetVersion:
    """Put an accepted report into the data."""
    dataset = DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=1)
    Report.objects.filter(pk=report.pk).update(status="folded", folded_into=dataset)
    return dataset


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (None, "Next, a model is trained with it."),
        ("failed", "Next, a model is trained with it."),
        ("running", "A model learns from it now."),
        ("evaluated", "Model v2 has learnt from it. Next, a maintainer decides"),
        ("promoted", "Model v2, which learnt from it, went into service."),
    ],
)
def test_what_is_next_has_not_happened_already(client, queued, mona, status, step) -> None:
    report = queued()
    dataset = in_dataset(report)
    if status:
        judged = status in ("evaluated", "promoted")
        decided = {"decided_by": mona, "decided_at": timezone.now()}
        Retrain.objects.create(
            status=status,
            base=ModelVersion.objects.get(number=1),
            dataset=dataset,
            config="head",
            proposed_by=mona,
            candidate=ModelVersion.objects.create(number=2, sha256="b" * 64) if judged else None,
            gate={"verdict": "pass"} if judged else None,
            **(decided if status == "promoted" else {}),
        )
    assert step in words(client.get(receipt_url(report)))


def test_the_receipt_counts_what_is_right_now(client, filed, judged) -> None:
    report = filed(classifications=[judged(seed) for seed in range(3)])
    assert "right now" not in words(client.get(receipt_url(report)))
    newer = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    models.put_in_service(newer)
    for number, example in enumerate(report.examples.all()):
        label = "drawings" if number else "neutral"
        ExampleScore.objects.create(example=example, model=newer, label=label, scores=SCORES)
    text = words(client.get(receipt_url(report)))
    assert "<strong>2 of 3 are right now</strong>; 0 were when you reported them." in text
