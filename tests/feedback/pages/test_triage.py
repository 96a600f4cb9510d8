import io

import pytest
from django.urls import reverse
from PIL import Image
from structlog.testing import capture_logs

from feedback import people
from feedback.models import Report
from feedback.services import images, triage
from tests.conftest import account


def image_of(report):
    return reverse("image", args=[report.examples.get().image.pk])


def case_of(report):
    return reverse("case", args=[report.pk])


def pages_of(report):
    return [reverse("triage"), case_of(report), image_of(report)]


def test_nobody_gets_in_without_signing_in(client, queued) -> None:
    for page in pages_of(queued()):
        assert client.get(page).url.startswith(reverse("sign-in"))


def test_stranger_cannot_see_triage(client, sam, queued) -> None:
    client.force_login(sam)
    for page in pages_of(queued()):
        assert client.get(page).status_code == 403


def test_ravi_sees_the_oldest_first(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    text = client.get(reverse("triage")).content.decode()

    assert text.index(case_of(first)) < text.index(f'"{case_of(second)}">Report')
    assert "2 reports to decide" in text


def test_images_are_blurred_until_asked_for(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    closed = client.get(case_of(report)).content.decode()
    assert 'class="veiled closed"' in closed
    assert "?clear" not in closed

    shown = client.post(reverse("reveal", args=[report.examples.get().image.pk])).content.decode()

    assert 'class="veiled closed"' not in shown
    assert f'src="{image_of(report)}?clear"' in shown


def test_no_pixel_is_seen_that_is_not_written_down(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    with capture_logs() as lines:
        veiled = Image.open(io.BytesIO(client.get(image_of(report)).content))
    assert lines == []
    assert (veiled.mode, max(veiled.size)) == ("L", images.VEIL_SIDE)

    with capture_logs() as lines:
        clear = client.get(f"{image_of(report)}?clear")
    assert Image.open(io.BytesIO(clear.getvalue())).size == (80, 60)
    pk = report.examples.get().image.pk
    assert {"image": pk, "by": "ravi"}.items() <= lines[0].items()


def test_an_image_is_served_to_be_looked_at_and_forgotten(client, ravi, queued) -> None:
    client.force_login(ravi)
    headers = client.get(image_of(queued())).headers

    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("inline")
    assert "no-store" in headers["Cache-Control"]
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_an_image_that_was_not_screened_is_seen_by_nobody(client, ravi, filed) -> None:
    client.force_login(ravi)
    assert client.get(image_of(filed())).status_code == 404


def test_an_image_that_was_not_reported_is_seen_by_nobody(client, ravi, judged) -> None:
    client.force_login(ravi)
    assert client.get(reverse("image", args=[judged().image.pk])).status_code == 404


@pytest.mark.parametrize(
    ("groups", "status"), [([people.REVIEWERS], 404), ([people.REVIEWERS, people.SAFETY], 200)]
)
def test_escalated_images_are_for_safety_alone(client, ravi, queued, groups, status) -> None:
    report = queued()
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
    client.force_login(account("sara", *groups))

    assert client.get(image_of(report)).status_code == status


def test_ravi_accepts_and_goes_on_to_the_next(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    answer = client.post(
        case_of(first),
        {"outcome": "accepted", "label": "drawings", "group_medium": "painting"},
    )

    first.refresh_from_db()
    assert first.status == Report.Status.ACCEPTED
    assert first.decisions.get().groups == {"medium": "painting"}
    assert answer.url == case_of(second)


def test_after_the_last_one_ravi_is_back_at_the_queue(client, ravi, queued) -> None:
    client.force_login(ravi)
    answer = client.post(case_of(queued()), {"outcome": "rejected", "reason_rejected": "Is not."})

    assert answer.url == reverse("triage")


def test_a_rejection_needs_a_reason(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()

    page = client.post(case_of(report), {"outcome": "rejected", "reason_rejected": " "})

    report.refresh_from_db()
    assert page.status_code == 422
    assert "needs a reason" in page.content.decode()
    assert report.status == Report.Status.QUEUED


def test_the_second_decider_reads_who_was_first(client, ravi, mona, queued) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    client.force_login(mona)

    page = client.post(case_of(report), {"outcome": "rejected", "reason_rejected": "No."})

    assert page.status_code == 409
    assert "by ravi" in page.content.decode()


@pytest.mark.parametrize("kept", [False, True])
def test_ravi_is_told_beforehand_what_is_deleted(client, ravi, queued, settings, kept) -> None:
    settings.COLLECT_MISSES = kept
    client.force_login(ravi)
    assert ("is deleted at once" in client.get(case_of(queued())).content.decode()) is not kept
