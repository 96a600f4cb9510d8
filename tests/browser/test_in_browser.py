"""The model in Rosa's own browser: it says what the server says, and her images stay with her.

One browser for all of it, so that the model comes once.
"""

import io

import pytest
from django.urls import reverse
from PIL import Image
from playwright import sync_api

from modeltrain import images
from modeltrain.classifier import Classifier
from tests.browser.conftest import Visitor
from tests.conftest import noise

pytestmark = pytest.mark.django_db(transaction=True)

TOLERANCE = 1e-3
STARTED = 60_000


@pytest.fixture(scope="module")
def context(browser):
    opened = browser.new_context()
    yield opened
    opened.close()


@pytest.fixture
def rosa(context, live_server, real_champion):
    visitor = Visitor(context, live_server.url)
    yield visitor
    visitor.page.close()
    assert not visitor.complaints


def saved(format_: str, mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(noise(7, (320, 240))).convert(mode).save(out, format_, **options)
    return out.getvalue()


def chosen(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "image/*", "buffer": data}


def answers(page: sync_api.Page) -> list[dict[str, float]]:
    """Scores by label of each image on the page, once all are answered."""
    sync_api.expect(page.locator(".answer progress")).to_have_count(0, timeout=STARTED)
    return page.locator(".answer").evaluate_all(
        """found => found.map(one => Object.fromEntries(
            [...one.querySelectorAll(".bars tr")].map(({cells}) =>
                [cells[0].textContent, +cells[1].querySelector("rect").getAttribute("width")])))"""
    )


def test_it_answers_as_the_server_does_and_sends_nothing(rosa, published) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "photo.jpg": saved("JPEG", exif=turned),
        "print.jpg": saved("JPEG", "CMYK"),
        "turned.webp": saved("WEBP", lossless=True, exif=turned),
        "transparent.png": saved("PNG", "RGBA"),
    }
    requests: list[sync_api.Request] = []
    rosa.page.on("request", lambda request: requests.append(request))
    page = rosa.open(reverse("home"))
    page.get_by_text("Your images stay on your device.").wait_for()

    page.locator("#image").set_input_files([chosen(*file) for file in files.items()])
    received = answers(page)

    classifier = Classifier(published)
    for data, scores in zip(files.values(), received, strict=True):
        expected = classifier.classify(images.decode(data)).scores
        assert {label: share / 100 for label, share in scores.items()} == pytest.approx(
            expected, abs=TOLERANCE
        )
    assert page.get_by_text("This image has not left your device.").count() == len(files)
    assert {request.method for request in requests} == {"GET"}
    assert rosa.barriers() == []
