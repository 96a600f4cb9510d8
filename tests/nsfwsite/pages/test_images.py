"""Reported images are blurred at first, and every look is logged."""

import io

import pytest
from django.urls import reverse
from PIL import Image

from feedback import roles
from feedback.models import Look
from feedback.services import images, triage
from tests.cast import account
from tests.nsfwsite.pages.addresses import case_url, image_url


def test_images_are_blurred_until_asked_for(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    closed = client.get(case_url(report)).content.decode()
    assert 'class="blurred closed"' in closed
    assert "?clear" not in closed

    revealed = client.post(
        reverse("reveal", args=[report.examples.get().image.pk])
    ).content.decode()

    assert 'class="blurred closed"' not in revealed
    assert f'src="{image_url(report)}?clear"' in revealed


def test_every_look_at_clear_pixels_is_logged(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    blurred = Image.open(io.BytesIO(client.get(image_url(report)).content))
    assert not Look.objects.exists()
    assert (blurred.mode, max(blurred.size)) == ("L", images.BLURRED_SIDE)

    clear = client.get(f"{image_url(report)}?clear")
    assert Image.open(io.BytesIO(clear.getvalue())).size == (80, 60)
    look = Look.objects.get()
    assert (look.by, look.what, look.report, look.picture) == (ravi, "saw", report.pk, 1)


def test_an_image_is_served_inline_and_never_cached(client, ravi, queued) -> None:
    client.force_login(ravi)
    headers = client.get(image_url(queued())).headers

    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("inline")
    assert "no-store" in headers["Cache-Control"]
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_nobody_sees_an_unscreened_image(client, ravi, filed) -> None:
    client.force_login(ravi)
    assert client.get(image_url(filed())).status_code == 404


def test_nobody_sees_an_unreported_image(client, ravi, judged) -> None:
    client.force_login(ravi)
    assert client.get(reverse("image", args=[judged().image.pk])).status_code == 404


@pytest.mark.parametrize(
    ("groups", "status"),
    [([roles.REVIEWERS], 404), ([roles.SAFETY], 200), ([roles.REVIEWERS, roles.SAFETY], 200)],
)
def test_escalated_images_are_for_safety_alone(client, ravi, queued, groups, status) -> None:
    report = queued()
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
    client.force_login(account("sara", *groups))

    assert client.get(image_url(report)).status_code == status
