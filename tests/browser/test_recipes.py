"""A maintainer chooses a recipe, and compares what two recipes made."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from feedback.management.commands.load_demo import load_axes
from feedback.models import AuditSet, DatasetVersion, Retrain
from feedback.services import manifests, triage
from modeltrain.data.manifest import Row
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db(transaction=True)


def test_mona_proposes_a_fine_tuning_and_compares_two_candidates(
    visit, transactional_db, champion, mona: User, ravi: User, queued
) -> None:
    load_axes()
    row = Row("b" * 64, "neutral", {}, "train", "demo", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([row]), images=1)
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    maintainer, phone = visit(mona), visit(mona, width=390)

    page = phone.open("/retrains/")
    expect(page.get_by_role("radio", name="Article Trains three")).to_be_disabled()
    assert (phone.overflow(), phone.barriers()) == (0, [])
    phone.look()
    page = maintainer.open("/retrains/")
    assert maintainer.barriers() == []
    maintainer.look()
    page.get_by_role("radio", name="Fine-tune Trains").check()
    page.get_by_role("button", name="Propose a retrain").click()
    expect(page.get_by_text("Fine-tune. Trains the last three layers")).to_be_visible()
    assert Retrain.objects.get().recipe == "fine-tune"
    assert maintainer.barriers() == []
    maintainer.look()
    page.get_by_role("button", name="Cancel").click()

    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256=manifests.publish([]), images=264
    )
    audited_model(champion.number, audit_set, answers(150, alarms=20))
    for number, wrong, recipe in ((2, 40, "fine-tune"), (3, 90, "head")):
        candidate = audited_model(number, audit_set, answers(wrong))
        retrain = judged_retrain(candidate, against=champion, audit_set=audit_set, by=mona)
        Retrain.objects.filter(pk=retrain.pk).update(recipe=recipe)
    page = maintainer.open(f"/retrains/{retrain.pk}/")
    page.get_by_role("link", name="Compare it with 1 other candidate").click()
    expect(page.get_by_role("heading", name="Candidates from dataset 2")).to_be_visible()
    page.get_by_role("img", name="Each label has a row for each model").wait_for()
    phone.open("/audits/candidates/2/")
    assert phone.overflow() == 0
    for person in (maintainer, phone):
        assert person.barriers() == []
        person.look()
        assert person.complaints == []
