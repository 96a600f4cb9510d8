"""The loop once more, clicked through in Chromium: Rosa reports, Mona decides and promotes."""

import os
from pathlib import Path

import pytest

from tests.flows.api import Api, wait_until

DRAWINGS = 16


@pytest.fixture
def page(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site.url)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    yield opened
    context.close()


@pytest.fixture
def look(tmp_path):
    """Keep a picture of the page in two widths, in SCREENSHOTS where that is set."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{name} scrolls sideways at {width} px"

    return take


def test_the_loop_clicked_through(site, page, look):
    drawings = site.pictures(lambda row: row.groups.get("medium") == "vector")
    first, *others = [str(path) for path in drawings[:DRAWINGS]]

    # Rosa tries a drawing in her own browser, sees that the model is wrong, and says so.
    page.goto("/")
    look(page, "1-home")
    page.get_by_text("Your images stay on your device.").wait_for()
    page.locator("#image").set_input_files(first)
    page.get_by_role("button", name="This is wrong").wait_for()
    assert page.locator(".says").inner_text() == "neutral"
    look(page, "2-answer")
    page.get_by_role("button", name="This is wrong").click()
    page.get_by_text("Your browser called it neutral.").wait_for()
    page.locator("input[name=expected_label][value=drawings]").check()
    page.locator("select[name$=medium]").select_option("vector")
    page.get_by_label("What is wrong, and for whom?").fill("These are drawings.")
    page.locator("#id_images").set_input_files(others)
    page.get_by_label("Keep it, privately").check()
    page.get_by_label("Let a future model learn").check()
    look(page, "3-report")
    page.get_by_role("button", name="File the report").click()
    page.wait_for_url("**/r/**", timeout=60_000)
    receipt = page.url
    look(page, "4-receipt")

    # Mona signs in, looks, and accepts.
    api = Api(site)
    api.wait("triage/", lambda queue: queue["count"] == 1, 60)
    page.goto("/sign-in/")
    page.get_by_label("Name").fill(site.maintainer["username"])
    page.get_by_label("Password").fill(site.maintainer["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Begin with the oldest").click()
    page.get_by_role("button", name="Show image 1", exact=True).click()
    page.get_by_text("That you looked is written down.").wait_for()
    look(page, "5-case")
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_text("Nothing waits").wait_for()

    # She proposes, approves and follows a retrain.
    page.goto("/retrains/")
    page.get_by_role("button", name="Propose a retrain").click()
    page.get_by_role("button", name="Approve and start").click()
    page.locator("progress").wait_for()
    look(page, "6-running")
    page.get_by_role("heading", name="What the gate says").wait_for(timeout=480_000)
    look(page, "7-gate")
    decision = page.url
    page.goto("/triage/labels/")
    page.get_by_role("heading", name="In the whole dataset").wait_for()
    look(page, "7-labels")
    page.goto(decision)
    page.get_by_role("button", name="Promote all the same").click()
    page.get_by_text("needs a written, public reason").wait_for()
    page.get_by_label("Reason").fill("No explicit image is kept here, by choice.")
    page.get_by_role("button", name="Promote all the same").click()
    page.get_by_text("Promoted").first.wait_for()

    # The demo serves the new model, and Rosa's receipt tells what changed.
    candidate = next(
        model["version"] for model in api.get("models/")["results"] if model["status"] == "champion"
    )
    assert candidate != "v1"
    page.goto("/")
    page.get_by_text(f"Model {candidate}", exact=True).wait_for()
    page.goto(f"/models/{candidate}/")
    page.locator("#groups img").wait_for()
    look(page, "8-audit")

    def told():
        page.goto(receipt)
        return page.get_by_text("now says").count() == DRAWINGS

    wait_until(told, 60)
    look(page, "9-answered")
    assert page.get_by_text("That is what you said.").count() > DRAWINGS / 2
