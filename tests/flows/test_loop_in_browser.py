"""The loop once more, clicked through in Chromium: Rosa reports, Mona decides and promotes.

Rosa sits at a phone. She says that the model is unfair to a group, with examples and pairs.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.api import Api, wait_until

EXAMPLES = 5
PAIRS = (("person", "dark", "medium-light"), ("woman", "dark", "medium-light"))


@pytest.fixture
def opened(browser, site):
    """A browser of somebody's own, as wide as their screen."""
    contexts = []

    def new(width):
        context = browser.new_context(viewport={"width": width, "height": 900}, base_url=site.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        return page

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def look(tmp_path):
    """Keep a picture of the page in two widths, in SCREENSHOTS where that is set."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        before = page.viewport_size
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{name} scrolls sideways at {width} px"
        page.set_viewport_size(before)

    return take


def drawn_standing(site, gender, tone):
    """One drawing in many tones: the published model calls only the lighter ones drawings."""
    wanted = {"gender": gender, "skin_tone": tone}
    (path,) = site.pictures(
        lambda row: row.cluster == "openmoji: standing" and wanted.items() <= row.groups.items()
    )
    return str(path)


def test_the_loop_clicked_through(site, opened, look):
    drawings = site.pictures(
        lambda row: row.groups.get("medium") == "vector" and row.cluster != "openmoji: standing"
    )
    first, *others = [str(path) for path in drawings[:EXAMPLES]]

    # Rosa tries a drawing in her own browser, sees that the model is wrong, and says so.
    page = opened(390)
    page.goto("/")
    look(page, "1-home")
    page.locator("#image[multiple]").set_input_files(first)
    page.get_by_role("button", name="Answer here on your device").click()
    page.get_by_role("button", name="This is wrong").wait_for()
    expect(page.locator(".answer .says")).to_have_text("neutral")
    look(page, "2-answer")
    page.get_by_role("button", name="This is wrong").click()
    page.get_by_text("Your browser called it neutral.").wait_for()
    page.locator("input[name=expected_label][value=drawings]").check()
    page.locator("input[name=kind][value=unfair]").check()
    page.locator("#id_images").set_input_files(others)
    for number, (gender, *tones) in enumerate(PAIRS, start=1):
        if number > 1:
            page.get_by_text(f"Pair {number}").click()
        for side, tone in zip(("wrong", "counterpart"), tones, strict=True):
            field = f"#id_pair_{number}_{side}"
            page.locator(field).set_input_files(drawn_standing(site, gender, tone))
            page.locator(f"{field}_group").select_option(f"skin_tone={tone}")
    page.locator("select[name=group_medium]").select_option("vector")
    page.get_by_label("In one line").fill("Darker people are no drawings?")
    page.get_by_label("What is wrong, and for whom?").fill("These are drawings.")
    page.get_by_label("Keep it, privately").check()
    page.get_by_label("Let a future model learn").check()
    look(page, "3-report")
    page.get_by_role("button", name="File the report").click()
    page.wait_for_url("**/r/**")
    receipt, phone = page.url, page
    apart = phone.get_by_text("The model said neutral of one and drawings of the other.")
    expect(apart).to_have_count(len(PAIRS))
    look(page, "4-receipt")

    # Mona signs in, looks, and accepts.
    page = opened(1280)
    api = Api(site)
    api.wait("triage/", lambda queue: queue["count"] == 1, 60)
    page.goto("/sign-in/")
    page.get_by_label("Name").fill(site.maintainer["username"])
    page.get_by_label("Password").fill(site.maintainer["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
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
    for box in page.locator("[name=acknowledged_gaps]").all():
        box.check()
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

    images = EXAMPLES + 2 * len(PAIRS)

    def all_answered():
        phone.goto(receipt)
        return phone.get_by_text("now says").count() == images

    wait_until(all_answered, 60)
    look(phone, "9-answered")
    assert phone.get_by_text("That is what you said.").count() > images / 2
    for number in (1, 2):
        pair = phone.get_by_role("region", name=f"Pair {number}")
        wrong, counterpart = pair.get_by_text(f"model {candidate} now says").all_inner_texts()
        assert wrong.startswith("It said neutral")
        assert counterpart.startswith("It said drawings")
        expect(pair.get_by_text("Skin tone: Dark")).to_be_visible()
