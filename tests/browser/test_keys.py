"""A reviewer decides case after case without a mouse."""

import pytest
from django.contrib.auth.models import User

from feedback.models import Report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_triage(visit, queued, ravi: User):
    for seed in (1, 2, 3):
        queued(seed)
    visitor = visit(ravi)
    page = visitor.open("/triage/")
    with page.expect_navigation():
        page.keyboard.press("n")
    yield page
    assert not visitor.complaints


def statuses() -> list[str]:
    return list(Report.objects.order_by("pk").values_list("status", flat=True))


def test_letters_show_accept_reject_and_skip(at_triage) -> None:
    page = at_triage
    page.keyboard.press("v")
    page.get_by_text("That you looked is written down.").wait_for()
    with page.expect_navigation():
        page.keyboard.press("a")
    with page.expect_navigation():
        page.keyboard.press("s")
    page.keyboard.press("r")
    page.keyboard.type("A sketch, as seen")  # letters are words in a field
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert statuses() == ["accepted", "queued", "rejected"]
    assert Report.objects.last().decision.reason == "A sketch, as seen"


def test_letters_can_be_switched_off(at_triage) -> None:
    page = at_triage
    page.get_by_label("Keys:").uncheck()
    page.keyboard.press("a")
    page.reload()
    assert not page.get_by_label("Keys:").is_checked()
    page.keyboard.press("a")
    page.get_by_label("Keys:").check()
    with page.expect_navigation():
        page.keyboard.press("s")

    assert statuses() == ["queued"] * 3
