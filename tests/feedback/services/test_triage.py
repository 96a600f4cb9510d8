import pytest
from django.db import IntegrityError, transaction

from feedback import queries
from feedback.errors import AlreadyDecided, Invalid, WrongState
from feedback.models import Decision, Report, StoredImage
from feedback.models.decision import REASONS
from feedback.services import reports, triage

pytestmark = pytest.mark.django_db


def test_accepting_takes_label_and_groups_from_the_report(queued, ravi):
    decision = triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert (decision.label, decision.groups) == ("drawings", {"medium": "vector"})
    assert decision.report.status == Report.Status.ACCEPTED


def test_a_reviewer_may_correct_label_and_groups(queued, ravi):
    decision = triage.decide(
        report=queued(),
        outcome="accepted",
        by=ravi,
        label="neutral",
        groups={"medium": "photograph"},
    )
    assert (decision.label, decision.groups) == ("neutral", {"medium": "photograph"})


@pytest.mark.parametrize("outcome", ["rejected", "escalated"])
def test_rejecting_needs_a_reason(queued, ravi, outcome):
    report = queued()
    with pytest.raises(Invalid, match="needs a reason"):
        triage.decide(report=report, outcome=outcome, by=ravi, reason="  ")
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED


def test_the_second_reviewer_is_told_who_was_first(queued, ravi, mona):
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, reason="It is a photograph.")
    with pytest.raises(AlreadyDecided, match="by ravi"):
        triage.decide(report=report, outcome="accepted", by=mona)
    assert Decision.objects.count() == 1


def test_a_report_is_not_decided_before_it_was_screened(filed, ravi):
    with pytest.raises(AlreadyDecided):
        triage.decide(report=filed(), outcome="accepted", by=ravi)


def test_an_image_that_ravi_calls_explicit_is_deleted(queued, ravi):
    report = queued()
    decision = triage.decide(report=report, outcome="accepted", by=ravi, label="porn")
    assert decision.label == "porn"
    assert report.examples.get().image is None
    assert not StoredImage.objects.exists()


def test_an_operator_may_keep_what_ravi_calls_explicit(queued, ravi, settings):
    settings.COLLECT_MISSES = True
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi, label="porn")
    assert report.examples.get().image is not None


def declined(report, by, because="", line=""):
    decision = triage.decide(report=report, outcome="rejected", by=by, because=because, reason=line)
    return decision, report.events.last().note


def test_a_reason_from_the_list_needs_no_line(queued, ravi):
    decision, explanation = declined(queued(), ravi, "cannot-tell")
    assert decision.because == "cannot-tell"
    assert explanation == REASONS["cannot-tell"]["told"]


def test_the_reporter_reads_the_reason_and_the_line(queued, ravi):
    _, explanation = declined(queued(), ravi, "right-by-definition", "A sketch is a drawing.")
    assert "as the public definition of that label stands" in explanation
    assert explanation.endswith("\n\nA sketch is a drawing.")


def test_a_line_alone_is_another_reason(queued, ravi):
    decision, explanation = declined(queued(), ravi, line=" It is a photograph. ")
    assert (decision.because, explanation) == ("other", "It is a photograph.")


def test_another_reason_needs_a_line(queued, ravi):
    with pytest.raises(Invalid, match="needs a reason"):
        declined(queued(), ravi, "other", " ")


def test_a_reason_that_is_not_in_the_list_is_refused(queued, ravi):
    with pytest.raises(Invalid, match="must be one of right-by-definition"):
        declined(queued(), ravi, "because", "I say so.")


@pytest.mark.parametrize(
    "broken",
    [
        {"outcome": "rejected", "reason": "A line."},
        {"outcome": "rejected", "because": "other"},
        {"outcome": "accepted", "label": "drawings", "because": "cannot-tell"},
    ],
)
def test_the_database_refuses_a_decision_without_a_valid_reason(queued, ravi, broken):
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(report=queued(), by=ravi, **broken)


@pytest.fixture
def alike(queued, judged):
    """Three reports of nearly one picture, and one of another between them."""
    first, other = queued(1), queued(2)
    paler = queued(classifications=[judged(1, pale=True)])
    again = queued(1)
    return first, other, paler, again


def test_near_duplicates_are_found_when_they_are_screened(alike):
    first, other, paler, again = alike
    assert set(queries.near_duplicates.same_case(first)) == {first, paler, again}
    assert set(queries.near_duplicates.same_case(paler)) == {first, paler, again}
    assert set(queries.near_duplicates.same_case(other)) == {other}


def test_a_picture_without_marks_is_a_near_duplicate_of_its_own_copy_alone(queued, judged):
    plain, copy, grey = (queued(seed) for seed in (1, 2, 3))
    StoredImage.objects.update(pdq_quality=10, cluster=None)
    StoredImage.objects.filter(example__report__in=[plain, copy]).update(sha256="f" * 64)
    Report.objects.update(status=Report.Status.SCREENING)
    for report in (plain, copy, grey):
        reports.screen(pk=report.pk)
    assert set(queries.near_duplicates.same_case(plain)) == {plain, copy}


def test_claiming_a_case_claims_its_near_duplicates(alike, ravi, mona):
    first, other, paler, again = alike
    assert triage.claim_next(by=ravi) == first
    assert set(Report.objects.filter(claimed_by=ravi)) == {first, paler, again}
    assert triage.claim_next(by=mona) == other


def test_a_new_near_duplicate_of_a_claimed_case_waits(alike, ravi, mona):
    first, other, paler, _ = alike
    Report.objects.filter(pk=first.pk).update(status=Report.Status.SCREENING)
    assert triage.claim_next(by=mona) == other
    assert triage.claim_next(by=mona, after=other) == paler
    Report.objects.filter(pk=first.pk).update(status=Report.Status.QUEUED)

    assert triage.claim_next(by=ravi) is None


def test_skipping_a_case_releases_its_near_duplicates(alike, ravi, mona):
    first, other, *_ = alike
    triage.claim_next(by=ravi)
    triage.release_claim(report=first, by=ravi)
    assert triage.claim_next(by=ravi, after=first) == other
    assert triage.claim_next(by=mona) == first


def test_near_duplicates_are_decided_alike_each_with_its_own_groups(alike, ravi):
    first, _, paler, again = alike
    Report.objects.filter(pk=paler.pk).update(groups={"medium": "painting"})
    others = Report.objects.filter(pk__in=[paler.pk, again.pk])
    results = triage.decide_together(
        report=first,
        near_duplicates=others,
        outcome="accepted",
        label="neutral",
        groups={"medium": "photograph"},
        by=ravi,
    )
    assert list(results) == [first, paler, again]
    assert {(d.report, d.label, d.groups["medium"]) for d in Decision.objects.all()} == {
        (first, "neutral", "photograph"),
        (paler, "neutral", "painting"),
        (again, "neutral", "vector"),
    }


def test_a_refusal_does_not_undo_the_other_decisions(alike, ravi, mona):
    first, other, paler, again = alike
    triage.decide(report=other, outcome="rejected", reason="No.", by=mona)
    reports.withdraw(report=paler)
    Report.objects.filter(pk=first.pk).update(claimed_by=mona, claimed_until="2100-01-01T00:00Z")
    results = triage.decide_together(
        report=first,
        near_duplicates=[other, paler, again],
        outcome="rejected",
        reason="A photo.",
        by=ravi,
    )
    assert {report: type(result) for report, result in results.items()} == {
        first: WrongState,
        other: AlreadyDecided,
        paler: AlreadyDecided,
        again: Decision,
    }


def test_an_invalid_answer_decides_nothing(alike, ravi):
    first, _, paler, again = alike
    with pytest.raises(Invalid):
        triage.decide_together(
            report=first, near_duplicates=[paler, again], outcome="rejected", by=ravi
        )
    assert not Decision.objects.exists()
