"""A hundred alike reports are decided, and undone, with a few keys."""

import pytest
from playwright.sync_api import expect

from feedback.models import Report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_wall(visit, queued, ravi):
    for seed in range(12):
        queued(seed)
    visitor = visit(ravi)
    yield visitor.open("/triage/wall/")
    assert not visitor.complaints


def statuses() -> list[str]:
    return list(Report.objects.order_by("pk").values_list("status", flat=True))


def test_two_keys_accept_a_group_and_one_takes_it_back(at_wall) -> None:
    accept = at_wall.get_by_role("button", name="Accept")
    expect(accept).to_be_disabled()
    at_wall.keyboard.press("x")
    expect(accept).to_have_text("Accept 12 as drawings")
    with at_wall.expect_navigation():
        at_wall.keyboard.press("a")
    at_wall.get_by_text("12 reports accepted as drawings.").wait_for()
    assert statuses() == ["accepted"] * 12
    with at_wall.expect_navigation():
        at_wall.keyboard.press("z")
    at_wall.get_by_text("12 reports can be decided again.").wait_for()
    assert statuses() == ["queued"] * 12


def test_shift_and_a_click_select_a_range(at_wall) -> None:
    boxes = at_wall.locator("[name=report]")
    boxes.nth(2).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(at_wall.get_by_role("button", name="Accept")).to_have_text("Accept 5 as drawings")


def test_a_tile_is_uncovered_where_it_stands(at_wall) -> None:
    at_wall.get_by_role("button", name="Show", exact=True).nth(1).click()
    at_wall.get_by_text("That you looked is written down.").wait_for()
    expect(at_wall.locator(".tiles .blurred.closed")).to_have_count(11)
