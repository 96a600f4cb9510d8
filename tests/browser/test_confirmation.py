"""The confirmation set, from a maintainer's wish to promote to the public verdict."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from feedback.management.commands.load_demo import load_axes
from feedback.models import AuditSet, Confirmation
from feedback.services import confirmations, manifests
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers, audited_model, judged_retrain

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_set_is_opened_on_request_and_its_verdict_is_public(
    visit, transactional_db, mona: User
) -> None:
    load_axes()
    first = AuditSet.objects.create(
        name="first-set", manifest_sha256=manifests.publish([]), images=264
    )
    sealed = AuditSet.objects.create(
        name="sealed", manifest_sha256="5" * 64, images=264, confirmation=True
    )
    champion = audited_model(1, first, answers(150), status="champion")
    candidate = audited_model(2, first, answers(40))
    retrain = judged_retrain(candidate, against=champion, audit_set=first, by=mona)
    maintainer, phone = visit(mona), visit(mona, width=390)
    path = f"/retrains/{retrain.pk}/"

    page = phone.open(path)
    expect(page.get_by_role("button", name="Promote")).to_have_count(0)
    assert (phone.overflow(), phone.barriers()) == (0, [])
    phone.look()
    page = maintainer.open(path)
    page.get_by_role("button", name="Judge v2 on sealed").click()
    expect(page.get_by_role("heading", name="v2 is judged on the confirmation")).to_be_visible()
    assert maintainer.barriers() == []
    maintainer.look()

    # The workers audit both models on it, and the gate compares them.
    finished_audit(champion, sealed, answers(150))
    finished_audit(candidate, sealed, answers(150, alarms=30))
    confirmations.judge(pk=Confirmation.objects.get().pk)
    expect(page.get_by_text("The confirmation set blocks it.")).to_be_visible(timeout=60_000)
    assert maintainer.barriers() == []
    maintainer.look()
    page.get_by_role("button", name="Promote all the same").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("needs a written, public reason")
    problem.get_by_role("link", name="Write a reason").click()
    page.get_by_label("Reason").fill("It is right far more often.")
    page.get_by_role("button", name="Promote all the same").click()
    page.get_by_text("The new model is in service").wait_for()

    for visitor in (visit(), visit(width=390)):
        page = visitor.open("/models/v2/")
        expect(page.get_by_role("heading", name="On the confirmation set sealed")).to_be_visible()
        page.get_by_text("Figures on the confirmation set").click()
        assert (visitor.overflow(), visitor.barriers()) == (0, [])
        visitor.look()
        page = visitor.open("/audits/")
        expect(page.get_by_text("264 images, a confirmation set")).to_be_visible()
        assert visitor.overflow() == 0
        visitor.look()
        page = visitor.open("/ledger/?kind=override")
        expect(page.get_by_text("the confirmation set had not let it through")).to_be_visible()
        assert visitor.complaints == []
    assert maintainer.complaints == phone.complaints == []
