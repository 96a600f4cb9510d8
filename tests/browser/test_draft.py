"""What was written survives a reload, and is gone once it was sent."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_draft_survives_a_reload_and_can_be_dropped(visit, champion) -> None:
    visitor = visit()
    page = visitor.open("/report/")
    expect(page.get_by_text("What you had written is back")).to_be_hidden()
    page.locator("input[value=drawings]").check()
    page.locator("input[value=unfair]").check()
    page.get_by_label("What is wrong, and for whom?").fill("These are drawings.")
    page.get_by_label("Keep it, privately").check()
    key = page.locator("[name=key]").input_value()

    page.reload()

    expect(page.get_by_text("What you had written is back")).to_be_visible()
    expect(page.locator("input[value=drawings]")).to_be_checked()
    expect(page.locator("input[value=unfair]")).to_be_checked()
    expect(page.get_by_label("What is wrong, and for whom?")).to_have_value("These are drawings.")
    expect(page.get_by_label("Keep it, privately")).to_be_checked()
    expect(page.get_by_label("Let a future model learn")).not_to_be_checked()
    expect(page.locator("[name=key]")).to_have_value(key)  # sent twice, it is one report

    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_function("!document.querySelector('textarea').value")
    expect(page.get_by_text("What you had written is back")).to_be_hidden()
    assert not visitor.complaints


def test_what_was_sent_is_no_draft(visit, champion) -> None:
    visitor = visit()
    page = visitor.open("/labels/")
    page.get_by_label("What is wrong with its meaning").fill("Whose neutral is it?")
    page.get_by_role("button", name="Say so").click()
    page.get_by_role("heading", name="Your objection").wait_for()

    page = visitor.open("/labels/")

    expect(page.get_by_label("What is wrong with its meaning")).to_have_value("")
