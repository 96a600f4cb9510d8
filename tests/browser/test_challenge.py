"""A burst from one address: the browser solves what stands before an upload."""

import json

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from feedback.models import Classification
from tests.conftest import png

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # milliseconds: a busy machine computes longer
IMAGE = {"name": "fox.png", "mimeType": "image/png", "buffer": png(1)}


@pytest.fixture(autouse=True)
def _burst(settings) -> None:
    """Every upload is one too many."""
    settings.CHALLENGE_SHARE = 0
    folder = settings.DEMO_DIR / "samples"
    folder.mkdir(parents=True)
    (folder / "fox.png").write_bytes(png(1))
    (folder / "samples.json").write_text(json.dumps([{"file": "fox.png", "title": "Red fox"}]))


def test_rosa_waits_and_her_image_goes_off_by_itself(
    visit, real_champion, inference_worker, settings
) -> None:
    visitor = visit()
    visitor.page.route("**/in-browser.json", lambda route: route.abort())
    page = visitor.open(reverse("home"))
    note = "Please wait a few seconds: what you send goes off by itself."
    page.evaluate(
        """text => new MutationObserver(() => {
            if (document.body.innerText.includes(text)) sessionStorage.setItem("waited", "yes");
        }).observe(document.body, {childList: true, subtree: true, characterData: true})""",
        note,
    )
    page.set_input_files("#image", IMAGE)
    page.get_by_role("button", name="Send it to this site").click()
    page.wait_for_url("**/c/*/", timeout=PATIENCE)
    assert page.evaluate("sessionStorage.getItem('waited')") == "yes"
    assert visitor.complaints == []
    assert Classification.objects.count() == 1
    page.go_back()
    page.get_by_role("button", name="Red fox").click()
    page.wait_for_url("**/c/*/", timeout=PATIENCE)
    assert Classification.objects.count() == 2


def test_without_scripts_it_is_said_when_to_come_back(visit, real_champion) -> None:
    visitor = visit(scripts=False)
    page = visitor.open(reverse("home"))
    page.set_input_files("#image", IMAGE)
    page.get_by_role("button", name="Send it to this site").click()
    heading = page.get_by_role("heading", name="A challenge must be solved first")
    expect(heading).to_be_visible()
    expect(page.get_by_text("or try again in")).to_be_visible()
    visitor.look()
    assert not Classification.objects.exists()
