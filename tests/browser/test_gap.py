"""A gap's way from the gate to a public confirmation and the head of the overview."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from feedback.management.commands.load_demo import load_axes
from feedback.models import AuditSet, LedgerEntry, ModelVersion, Retrain
from feedback.services import manifests
from tests.nsfwsite.audits.examples import answers_by_tone, audited_model, judged_retrain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def audit_set(transactional_db) -> AuditSet:
    load_axes()
    return AuditSet.objects.create(name="tones", manifest_sha256=manifests.publish([]), images=300)


@pytest.fixture
def candidate_of(audit_set, mona):
    """A retrain whose candidate is wrong on so many of 120 dark and 120 light drawings."""

    def make(number: int, *, dark: int, light: int) -> Retrain:
        champion = ModelVersion.objects.champion()
        predicted = answers_by_tone(dark=dark, light=light)
        candidate = audited_model(number, audit_set, predicted)
        return judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)

    return make


def test_a_gap_is_confirmed_and_leads_until_it_is_closed(
    visit, audit_set, candidate_of, mona: User
) -> None:
    audited_model(1, audit_set, answers_by_tone(dark=60, light=60), status="champion")
    retrain = candidate_of(2, dark=40, light=5)
    maintainer, phone = visit(mona), visit(width=390)

    # The gate passes the candidate and tells of the gap. Mona promotes without having ticked it.
    page = maintainer.open(f"/retrains/{retrain.pk}/")
    expect(page.locator(".verdict").first).to_contain_text("Passed")
    box = page.get_by_role("checkbox", name="I have read this about the gap: Skin tone, Dark")
    expect(box).not_to_be_checked()
    assert maintainer.barriers() == []
    maintainer.look()
    page.get_by_role("button", name="Promote v2").click()
    expect(page).to_have_title(f"Error: Retrain {retrain.pk} · SpeakUp")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("confirms in public to have read each of them")
    assert maintainer.barriers() == []
    maintainer.look()
    problem.get_by_role("link", name="Skin tone, Dark").click()
    expect(box).to_have_accessible_description(re.compile("^Confirm that you have read"))

    # She ticks it; it is public with her name.
    box.check()
    page.get_by_role("button", name="Promote v2").click()
    page.get_by_text("The new model is in service").wait_for()
    entry = LedgerEntry.objects.get(kind="gaps")
    ledger = phone.open("/ledger/?kind=gaps")
    expect(ledger.get_by_text("mona confirmed to have read that model v2 opens")).to_be_visible()
    expect(ledger.get_by_text(entry.facts["gaps"][0]["sentence"]).first).to_be_visible()

    # Overview, model and card begin with the gap.
    for path in ("/audits/", "/models/v2/", "/models/"):
        for visitor in (phone, maintainer):
            page = visitor.open(path)
            note = page.get_by_role("heading", name="Skin tone, Dark: an open gap")
            expect(note).to_be_visible()
            expect(page.get_by_text("images with skin tone dark: 33.3%")).to_be_visible()
            expect(page.get_by_text("Before, under v1: 50.0% and 50.0%")).to_be_visible()
            assert (visitor.overflow(), visitor.barriers()) == (0, [])
            visitor.look()
    phone.open("/audits/").locator("#gaps img").wait_for()
    card = phone.context.request.get(f"{phone.origin}/models/v2/card.md").text()
    title, first, *_ = [line for line in card.split("---\n", 2)[2].splitlines() if line]
    assert (title, first) == ("# Model v2: Model 2", "## Skin tone, Dark: an open gap")

    # A later model closes it.
    retrain = candidate_of(3, dark=5, light=5)
    page = maintainer.open(f"/retrains/{retrain.pk}/")
    page.get_by_role("button", name="Promote v3").click()
    page.get_by_text("The new model is in service").wait_for()
    page = phone.open("/audits/")
    page.get_by_text("Model v3 is in service").wait_for()
    expect(page.get_by_text("an open gap")).to_have_count(0)
    assert maintainer.complaints == phone.complaints == []


def test_a_rollback_shows_that_the_verdict_is_out_of_date_until_there_is_a_new_one(
    visit, audit_set, candidate_of, inference_worker, mona: User
) -> None:
    audited_model(1, audit_set, answers_by_tone(dark=20, light=20), status="retired")
    audited_model(2, audit_set, answers_by_tone(dark=60, light=60), status="champion")
    retrain = candidate_of(3, dark=40, light=40)
    assert retrain.gate["verdict"] == "pass"
    maintainer = visit(mona)
    page = maintainer.open("/models/v1/")
    page.get_by_label("Reason").fill("v2 is worse.")
    page.get_by_role("button", name="Put v1 back in service").click()
    page.get_by_text("v1 is in service again").wait_for()

    page = maintainer.open(f"/retrains/{retrain.pk}/")
    page.get_by_text("The gate did not pass.").wait_for(timeout=60_000)
    expect(page.get_by_text("Compared with v1")).to_be_visible()
    expect(page.get_by_role("button", name="Promote all the same")).to_be_visible()
    assert maintainer.complaints == []
