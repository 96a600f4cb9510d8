import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from feedback import queries, roles
from feedback.errors import AlreadyDecided, Invalid, WrongState
from feedback.models import DatasetVersion, Decision, Golden, LedgerEntry, Report, StoredImage
from feedback.models.decision import REASONS
from feedback.services import approval_rule, datasets, golden, reports, triage
from tests.cast import account

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


def rejected(report, by, because="", line=""):
    decision = triage.decide(report=report, outcome="rejected", by=by, because=because, reason=line)
    return decision, report.events.last().note


def test_a_reason_from_the_list_needs_no_line(queued, ravi):
    decision, explanation = rejected(queued(), ravi, "cannot-tell")
    assert decision.because == "cannot-tell"
    assert explanation == REASONS["cannot-tell"]["told"]


def test_the_reporter_reads_the_reason_and_the_line(queued, ravi):
    _, explanation = rejected(queued(), ravi, "right-by-definition", "A sketch is a drawing.")
    assert "as the public definition of that label stands" in explanation
    assert explanation.endswith("\n\nA sketch is a drawing.")


def test_a_line_alone_is_another_reason(queued, ravi):
    decision, explanation = rejected(queued(), ravi, line=" It is a photograph. ")
    assert (decision.because, explanation) == ("other", "It is a photograph.")


def test_another_reason_needs_a_line(queued, ravi):
    with pytest.raises(Invalid, match="needs a reason"):
        rejected(queued(), ravi, "other", " ")


def test_a_reason_that_is_not_in_the_list_is_refused(queued, ravi):
    with pytest.raises(Invalid, match="must be one of right-by-definition"):
        rejected(queued(), ravi, "because", "I say so.")


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


def test_a_near_duplicate_with_a_group_that_is_gone_does_not_hinder_the_others(alike, ravi):
    first, _, paler, again = alike
    Report.objects.filter(pk=paler.pk).update(groups={"medium": "marble"})
    others = Report.objects.filter(pk__in=[paler.pk, again.pk])
    results = triage.decide_together(
        report=first, near_duplicates=others, outcome="accepted", by=ravi
    )
    assert [type(result) for result in results.values()] == [Decision, Invalid, Decision]


MINUTE = datetime.timedelta(minutes=1)


def fresh(report: Report) -> Report:
    return Report.objects.get(pk=report.pk)


def test_a_claim_lasts_ten_minutes(queued, ravi, mona):
    report, other = queued(1), queued(2)
    Report.objects.filter(pk=other.pk).update(status=Report.Status.ACCEPTED)
    assert triage.claim_next(by=ravi) == report
    assert triage.claim_next(by=ravi) == report
    left = fresh(report).claimed_until - timezone.now()
    assert 9 * MINUTE < left <= 10 * MINUTE
    assert triage.claim_next(by=mona) is None
    assert triage.claimed_by_other(report, mona)
    assert not triage.claimed_by_other(report, ravi)

    Report.objects.update(claimed_until=timezone.now() - MINUTE)
    assert not triage.claimed_by_other(report, mona)
    assert triage.claim_next(by=mona) == report
    assert fresh(report).claimed_by == mona


def test_the_next_case_is_the_oldest_after_the_present_one(queued, ravi):
    earlier, present, same_moment, later = (queued(seed) for seed in (1, 2, 3, 4))
    now = timezone.now()
    for report, minutes in ((earlier, 0), (present, 1), (same_moment, 1), (later, 2)):
        Report.objects.filter(pk=report.pk).update(created_at=now + minutes * MINUTE)
    assert triage.claim_next(by=ravi) == earlier
    assert triage.claim_next(by=ravi, after=fresh(present)) == same_moment
    assert triage.claim_next(by=ravi, after=fresh(same_moment)) == later
    assert triage.claim_next(by=ravi, after=fresh(later)) is None


def test_the_next_case_is_no_near_duplicate_of_the_present_one(alike, ravi):
    first, other, _, again = alike
    later = timezone.now() + MINUTE
    Report.objects.filter(pk=other.pk).update(created_at=later)
    assert triage.claim_next(by=ravi, after=first) == other
    Report.objects.filter(pk=again.pk).update(created_at=later + MINUTE)
    assert triage.claim_next(by=ravi, after=fresh(other)) == again


def test_up_to_twenty_cases_may_be_claimed_by_others_meanwhile(queued, ravi, monkeypatch):
    first, *_, last = [queued(seed) for seed in range(3)]
    tried = []

    def claim(case, by):
        tried.append(case)
        return False

    monkeypatch.setattr(triage, "_claim_case", claim)
    monkeypatch.setattr(triage, "MAX_CLAIM_ATTEMPTS", 2)
    assert triage.claim_next(by=ravi) is None
    assert tried[0] == first
    assert len(tried) == 2
    assert last not in tried


def test_a_case_that_another_reviewer_claimed_meanwhile_is_not_claimed(alike, ravi, mona):
    first, _, paler, _ = alike
    Report.objects.filter(pk=paler.pk).update(
        claimed_by=mona, claimed_until=timezone.now() + MINUTE
    )
    assert not triage._claim_case(first, ravi)
    assert list(Report.objects.filter(claimed_by=ravi)) == []
    assert fresh(paler).claimed_by == mona
    reports.withdraw(report=fresh(first))
    reports.withdraw(report=fresh(paler))
    assert not triage._claim_case(Report(pk=first.pk), ravi)


def test_a_reviewer_releases_no_claim_of_another(queued, ravi, mona):
    report, other = queued(1), queued(2)
    triage.claim_next(by=ravi)
    triage.claim_next(by=ravi, after=report)
    triage.release_claim(report=report, by=mona)
    assert fresh(report).claimed_by == ravi

    triage.release_claim(report=report, by=ravi)
    assert (fresh(report).claimed_by, fresh(report).claimed_until) == (None, None)
    assert (fresh(other).claimed_by, bool(fresh(other).claimed_until)) == (ravi, True)


def test_a_decision_ends_the_claim_on_its_own_report_alone(queued, ravi, mona):
    report, other = queued(1), queued(2)
    triage.claim_next(by=ravi)
    triage.claim_next(by=ravi, after=report)
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert (fresh(report).claimed_by, fresh(report).claimed_until) == (None, None)
    assert fresh(other).claimed_by == ravi
    assert fresh(other).claimed_until is not None
    with pytest.raises(WrongState, match="which ravi opened"):
        triage.decide(report=other, outcome="accepted", by=mona)


def test_a_refused_decision_leaves_the_claim(queued, ravi):
    report = queued()
    triage.claim_next(by=ravi)
    with pytest.raises(Invalid):
        triage.decide(report=report, outcome="rejected", by=ravi)
    assert fresh(report).claimed_by == ravi


def test_a_decision_has_its_author_its_time_and_its_line(queued, ravi):
    report = queued()
    decision = triage.decide(report=report, outcome="rejected", by=ravi, reason=" A photograph. ")
    decision.refresh_from_db()
    assert (decision.report, decision.by) == (report, ravi)
    assert (decision.outcome, decision.label, decision.groups) == ("rejected", "", {})
    assert (decision.because, decision.reason) == ("other", "A photograph.")
    assert abs(timezone.now() - decision.settled_at) < MINUTE
    assert (decision.taken_back_at, decision.left_out) == (None, {})
    event = report.events.last()
    assert (event.status, event.by, event.note) == ("rejected", ravi, "A photograph.")
    facts = LedgerEntry.objects.latest("number").facts
    assert (facts["outcome"], facts["reviewers"]) == ("rejected", 1)
    assert facts["sealed"]


def test_only_an_accepted_report_has_a_label_and_only_a_rejected_one_a_reason(queued, ravi):
    rejected = triage.decide(
        report=queued(1), outcome="rejected", by=ravi, because="cannot-tell", label="neutral"
    )
    accepted = triage.decide(report=queued(2), outcome="accepted", by=ravi, because="cannot-tell")
    escalated = triage.decide(
        report=queued(3), outcome="escalated", by=ravi, because="cannot-tell", reason="Look."
    )
    assert [(d.label, d.because) for d in (rejected, accepted, escalated)] == [
        ("", "cannot-tell"),
        ("drawings", ""),
        ("", ""),
    ]


@pytest.mark.parametrize("changes", [{"label": "cats"}, {"groups": {"medium": "marble"}}])
def test_a_report_is_accepted_with_a_known_label_and_known_groups(queued, ravi, changes):
    report = queued()
    with pytest.raises(Invalid, match="must be one of"):
        triage.decide(report=report, outcome="accepted", by=ravi, **changes)
    assert not Decision.objects.exists()


def test_groups_can_be_corrected_to_none(queued, ravi):
    decision = triage.decide(report=queued(), outcome="accepted", by=ravi, groups={})
    assert decision.groups == {}


def test_a_second_opinion_that_was_asked_for_meanwhile_counts(queued, ravi, mona):
    stale = queued()
    triage.ask_second_opinion(report=fresh(stale), by=mona)
    assert abs(timezone.now() - fresh(stale).second_opinion_at) < MINUTE
    triage.decide(report=stale, outcome="accepted", by=ravi)
    assert fresh(stale).status == "queued"


def test_a_second_opinion_is_asked_on_one_report_and_leaves_the_claim(queued, ravi, mona):
    report, other = queued(1), queued(2)
    triage.claim_next(by=ravi)
    triage.ask_second_opinion(report=report, by=ravi)
    assert fresh(report).claimed_by == ravi
    assert fresh(other).second_opinion_at is None


def test_an_appeal_that_came_meanwhile_is_not_decided_by_the_reviewer_who_rejected(
    queued, ravi, mona
):
    stale = queued()
    triage.decide(report=fresh(stale), outcome="rejected", by=ravi, reason="No.")
    reports.appeal(report=fresh(stale), words="Look again.")
    assert stale.appealed_at is None
    with pytest.raises(WrongState, match="An appeal is decided by somebody"):
        triage.decide(report=stale, outcome="accepted", by=ravi)
    assert triage.decide(report=stale, outcome="accepted", by=mona).stands


def test_a_decision_on_a_report_that_was_withdrawn_meanwhile_does_not_settle_it(queued, ravi):
    report = queued()
    decision = Decision.objects.create(
        report=report, by=ravi, outcome="accepted", label="porn", groups={}
    )
    reports.withdraw(report=fresh(report))
    entries = LedgerEntry.objects.count()
    assert triage.settle(decision, [decision]) is False
    decision.refresh_from_db()
    assert decision.settled_at is None
    assert fresh(report).status == "withdrawn"
    assert LedgerEntry.objects.count() == entries


def test_a_dispute_is_settled_by_the_last_decision_alone(queued, ravi, mona):
    report, tara = queued(), account("tara", roles.REVIEWERS)
    triage.ask_second_opinion(report=report, by=ravi)
    for by, label in ((ravi, "drawings"), (tara, "neutral"), (mona, "sexy")):
        triage.decide(report=report, outcome="accepted", by=by, label=label)
    assert fresh(report).status == "queued"
    settled = triage.decide(report=report, outcome="accepted", by=mona, label="hentai")
    assert (fresh(report).status, fresh(report).decision) == ("accepted", settled)
    assert set(queries.decisions.active_decisions(report)) == {
        settled,
        *report.decisions.filter(by__in=[ravi, tara]),
    }
    assert LedgerEntry.objects.latest("number").facts["reviewers"] == 1


def accepted(report: Report, by, status: str = "accepted") -> Report:
    triage.decide(report=report, outcome="accepted", by=by)
    if status != "accepted":
        dataset, _ = DatasetVersion.objects.get_or_create(
            number=1, defaults={"manifest_sha256": "e" * 64, "images": 1}
        )
        Report.objects.filter(pk=report.pk).update(status=status, folded_into=dataset)
    return fresh(report)


@pytest.mark.parametrize("status", ["accepted", "folded", "answered"])
def test_a_decision_can_be_taken_back_until_the_report_is_withdrawn(queued, ravi, mona, status):
    report, other = accepted(queued(1), ravi, status), accepted(queued(2), ravi, "folded")
    golden.mark(report=report, by=mona)
    golden.mark(report=other, by=mona)
    triage.reopen(report=report, by=mona)
    report = fresh(report)
    assert (report.status, report.folded_into, report.decision) == ("queued", None, None)
    assert abs(timezone.now() - report.decisions.get().taken_back_at) < MINUTE
    event = report.events.last()
    assert (event.status, event.by) == ("queued", mona)
    assert LedgerEntry.objects.latest("number").facts["outcome"] == "taken back"

    assert fresh(other).folded_into is not None
    assert fresh(other).decision is not None
    assert Golden.objects.get().report == other


def test_a_decision_is_taken_back_once(queued, ravi):
    report = accepted(queued(), ravi)
    triage.reopen(report=report, by=ravi)
    earlier = timezone.now() - datetime.timedelta(days=1)
    Decision.objects.update(taken_back_at=earlier)
    with pytest.raises(WrongState, match="while the report is accepted"):
        triage.reopen(report=report, by=ravi)
    triage.decide(report=report, outcome="accepted", by=ravi)
    triage.reopen(report=report, by=ravi)
    first, second = report.decisions.all()
    assert first.taken_back_at == earlier
    assert second.taken_back_at > earlier


@pytest.mark.parametrize("status", ["received", "queued", "rejected", "escalated", "withdrawn"])
def test_only_an_accepted_report_is_reopened(queued, ravi, status):
    report = queued()
    Report.objects.update(status=status)
    with pytest.raises(WrongState, match=rf"while the report is accepted.*, {status}"):
        triage.reopen(report=report, by=ravi)
    assert fresh(report).status == status
    assert not LedgerEntry.objects.filter(kind="report").exists()


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_a_decision_is_undone_while_nothing_learnt_from_it(queued, ravi, outcome):
    report = queued()
    triage.decide(report=report, outcome=outcome, because="cannot-tell", by=ravi)
    triage.undo(report=report, by=ravi)
    assert fresh(report).status == "queued"
    assert fresh(report).decision is None
    assert LedgerEntry.objects.filter(kind="report").count() == 2
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert fresh(report).status == "accepted"


def test_only_ones_own_decision_is_undone(queued, ravi, mona):
    report = accepted(queued(), ravi)
    with pytest.raises(WrongState, match="A reviewer can undo"):
        triage.undo(report=report, by=mona)
    assert fresh(report).status == "accepted"
    assert fresh(report).decision.by == ravi


def test_undoing_one_of_two_decisions_leaves_the_other(queued, ravi, mona):
    approval_rule.change(number=2, by=mona)
    report = queued()
    for reviewer in (ravi, mona):
        triage.decide(report=report, outcome="accepted", by=reviewer)
    triage.undo(report=report, by=ravi)
    assert fresh(report).status == "queued"
    (standing,) = report.decisions.filter(taken_back_at=None)
    assert (standing.by, standing.settled_at) == (mona, None)
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert fresh(report).status == "accepted"


@pytest.mark.parametrize("status", ["escalated", "folded", "answered", "withdrawn"])
def test_nothing_else_is_undone(queued, ravi, status):
    report = accepted(queued(), ravi)
    Report.objects.update(status=status, folded_into=datasets.create_first([]))
    with pytest.raises(WrongState, match=f"{status}"):
        triage.undo(report=report, by=ravi)
    assert fresh(report).status == status
    assert report.decisions.filter(taken_back_at=None).exists()
