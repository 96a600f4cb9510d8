"""A reviewer decides case after case without a mouse."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from feedback.models import Occlusion, Report
from worker import heartbeat

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
    page.keyboard.press("a")  # no decision any more: a reason is being chosen
    page.keyboard.press("2")
    page.keyboard.press("Tab")
    page.keyboard.type("A sketch, as seen")  # letters are words in a field
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert statuses() == ["accepted", "queued", "rejected"]
    decision = Report.objects.last().decision
    assert (decision.because, decision.reason) == ("cannot-tell", "A sketch, as seen")


def test_three_keys_reject_with_a_reason(at_triage) -> None:
    page = at_triage
    page.keyboard.press("3")  # not before R
    page.keyboard.press("r")
    page.keyboard.press("3")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert statuses() == ["rejected", "queued", "queued"]
    assert Report.objects.first().decision.because == "not-for-this-site"


def test_letters_can_be_switched_off(at_triage) -> None:
    page = at_triage
    page.get_by_label("Keys:").uncheck()
    page.keyboard.press("a")
    page.reload()
    expect(page.get_by_label("Keys:")).not_to_be_checked()
    page.keyboard.press("a")
    page.get_by_label("Keys:").check()
    with page.expect_navigation():
        page.keyboard.press("s")

    assert statuses() == ["queued"] * 3


def test_digits_say_which_near_duplicates_are_decided_too(visit, queued, ravi: User) -> None:
    for _ in range(3):
        queued(1)
    visitor = visit(ravi)
    page = visitor.open("/triage/")
    with page.expect_navigation():
        page.keyboard.press("n")
    second = page.get_by_role("checkbox", name="2 Report")
    expect(second).to_be_checked()
    page.keyboard.press("2")
    expect(second).not_to_be_checked()
    with page.expect_navigation():
        second.press("Enter")  # must not accept
    assert statuses() == ["queued"] * 3
    expect(second).not_to_be_checked()
    with page.expect_navigation():
        page.keyboard.press("a")

    assert statuses() == ["accepted", "accepted", "queued"]
    assert not visitor.complaints


def test_m_asks_and_the_squares_appear_by_themselves(visit, queued, ravi, monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)
    monkeypatch.setattr("nsfwsite.intake.classifying.occlude_task.delay_on_commit", lambda pk: None)
    report = queued(1)
    visitor = visit(ravi)
    page = visitor.open(f"/triage/{report.pk}/")
    page.keyboard.press("m")
    page.get_by_text("0 of 8").wait_for()
    scores = [[0.9] * 8 for _ in range(8)]
    scores[2][3] = 0.4
    Occlusion.objects.update(done=8, scores=scores, label="neutral", score=0.9)
    page.get_by_text("Grey the square marked 1 and neutral falls from 0.90 to 0.40.").wait_for()
    expect(page.locator("figure.closed .heat rect")).to_have_count(64)
    page.keyboard.press("v")
    page.get_by_text("That you looked is written down.").wait_for()
    expect(page.locator("figure:not(.closed) .heat rect")).to_have_count(64)
    assert not visitor.complaints
