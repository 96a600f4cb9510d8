"""Two reviewers who agree settle a report; one alone does not, once the site has two keys."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from feedback import roles
from feedback.errors import AlreadyDecided, Invalid, WrongState
from feedback.models import ApprovalRule, DatasetVersion, Decision, LedgerEntry, Report, ReportEvent
from feedback.services import approval_rule, datasets, manifests, reports, retrains, triage
from modeltrain.data.manifest import Row
from tests.cast import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def tara(db) -> User:
    """A third reviewer."""
    return account("tara", roles.REVIEWERS)


@pytest.fixture
def two(ravi, mona) -> None:
    approval_rule.change(number=2, by=mona)


def status(report: Report) -> str:
    report.refresh_from_db()
    return str(report.status)


def accept(report: Report, by: User, label: str = "drawings", **changes) -> Decision:
    return triage.decide(report=report, outcome="accepted", by=by, label=label, **changes)


def reject(report: Report, by: User, reason: str = "A photograph.") -> Decision:
    return triage.decide(report=report, outcome="rejected", by=by, reason=reason)


def outcomes() -> list[dict]:
    return [entry.facts for entry in LedgerEntry.objects.filter(kind="report").order_by("number")]


def test_on_a_new_site_one_decision_settles_a_report(queued, ravi) -> None:
    assert not ApprovalRule.objects.current().two

    assert accept(queued(), ravi).stands
    assert outcomes()[0]["reviewers"] == 1


def test_with_two_keys_the_first_decision_leaves_the_report_queued(two, queued, ravi) -> None:
    report = queued()

    first = accept(report, ravi)

    assert status(report) == "queued"
    assert not first.stands
    assert report.decision is None
    assert outcomes() == []
    assert not ReportEvent.objects.filter(status="accepted").exists()


def test_two_reviewers_who_agree_settle_a_report(two, queued, ravi, mona) -> None:
    report = queued()
    accept(report, ravi)

    second = accept(report, mona)

    assert status(report) == "accepted"
    assert report.decision == second
    assert [facts["outcome"] for facts in outcomes()] == ["accepted"]
    assert outcomes()[0]["reviewers"] == 2


def test_two_labels_do_not_agree_and_a_third_decision_makes_the_majority(
    two, queued, ravi, mona, tara
) -> None:
    report = queued()
    accept(report, ravi, "drawings")
    accept(report, mona, "neutral")
    assert status(report) == "queued"

    accept(report, tara, "drawings")

    assert status(report) == "accepted"
    assert (report.decision.by, report.decision.label) == (tara, "drawings")


def test_reporter_reads_the_reasons_of_both_reviewers_who_reject(two, queued, ravi, mona) -> None:
    report = queued()
    reject(report, ravi, "A photograph.")
    reject(report, mona, "It has grain.")

    assert status(report) == "rejected"
    assert report.events.last().note == "A photograph.\n\nIt has grain."


def test_groups_that_only_one_reviewer_named_are_left_out(two, queued, ravi, mona) -> None:
    report = queued()
    first = accept(report, ravi, groups={"medium": "vector", "subject": "person"})

    settled = accept(report, mona, groups={"medium": "vector", "subject": "hand"})

    for decision, left_out in ((first, {"subject": "person"}), (settled, {"subject": "hand"})):
        decision.refresh_from_db()
        assert decision.groups == {"medium": "vector"}
        assert decision.left_out == left_out


def test_outcome_has_the_groups_that_both_reviewers_named(two, queued, ravi, mona) -> None:
    report = queued()
    accept(report, ravi, groups={"medium": "vector"})
    accept(report, mona, groups={})
    anchor = DatasetVersion.objects.create(
        number=1, manifest_sha256=manifests.publish([]), images=0
    )

    folded = datasets.fold(by=mona)

    assert folded.parent == anchor
    assert [row.groups for row in datasets.manifest.read(folded.manifest)] == [{}]
    assert Report.objects.get().public.groups == {}


def test_nobody_decides_a_report_twice(two, queued, ravi) -> None:
    report = queued()
    accept(report, ravi)

    with pytest.raises(WrongState, match="says once"):
        accept(report, ravi)

    assert triage.claim_next(by=ravi) is None
    assert report.decisions.count() == 1


def test_a_report_is_claimed_by_a_reviewer_who_has_not_decided_it(two, queued, ravi, mona) -> None:
    report, other = queued(1), queued(2)
    accept(report, ravi)

    assert triage.claim_next(by=ravi) == other
    assert triage.claim_next(by=mona) == report


def test_a_maintainer_who_has_not_decided_settles_a_dispute(two, queued, ravi, mona, tara) -> None:
    report, ursula = queued(), account("ursula", roles.REVIEWERS)
    accept(report, ravi, "drawings")
    accept(report, tara, "neutral")
    reject(report, ursula)
    victor = account("victor", roles.REVIEWERS)

    assert triage.claim_next(by=victor) is None
    with pytest.raises(WrongState, match="a maintainer decides"):
        accept(report, victor)
    assert triage.claim_next(by=mona) == report
    accept(report, mona, "sexy")

    assert status(report) == "accepted"
    assert report.decision.label == "sexy"


def test_without_another_maintainer_one_of_the_three_settles_a_dispute(
    two, queued, ravi, mona, tara
) -> None:
    report = queued()
    accept(report, ravi, "drawings")
    accept(report, mona, "neutral")
    reject(report, tara)

    assert triage.claim_next(by=ravi) is None
    assert triage.claim_next(by=mona) == report
    accept(report, mona, "drawings")

    assert status(report) == "accepted"
    assert outcomes()[0]["reviewers"] == 2
    assert report.decisions.exclude(taken_back_at=None).get().label == "neutral"


def test_escalating_needs_no_second_key(two, queued, ravi, mona) -> None:
    report = queued()
    accept(report, mona)
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")

    assert status(report) == "escalated"
    assert report.decision.by == ravi


def test_a_picture_called_explicit_is_kept_until_two_agree(two, queued, ravi, mona) -> None:
    report = queued()
    accept(report, ravi, "porn")
    assert report.examples.get().image

    accept(report, mona, "porn")

    assert report.examples.get().image is None


def test_going_down_to_one_key_settles_single_decisions(two, queued, ravi, mona) -> None:
    report, fresh = queued(1), queued(2)
    accept(report, ravi)

    assert approval_rule.change(number=1, by=mona) == 1

    assert status(report) == "accepted"
    assert (report.decision.by, report.events.last().by) == (ravi, ravi)
    assert status(fresh) == "queued"
    assert [e.facts["keys"] for e in LedgerEntry.objects.filter(kind="keys")] == [1, 2]


def test_going_down_to_one_key_does_not_settle_a_dispute(two, queued, ravi, mona, tara) -> None:
    report = queued()
    accept(report, ravi, "drawings")
    accept(report, mona, "neutral")

    approval_rule.change(number=1, by=mona)
    assert status(report) == "queued"
    accept(report, tara, "sexy")
    assert status(report) == "queued"

    accept(report, mona, "neutral")
    assert status(report) == "accepted"


def test_going_down_to_one_key_leaves_second_opinions_open(queued, ravi, mona) -> None:
    report = queued()
    triage.ask_second_opinion(report=report, by=ravi)
    accept(report, ravi)
    approval_rule.change(number=2, by=mona)
    approval_rule.change(number=1, by=mona)

    assert status(report) == "queued"
    accept(report, mona)
    assert status(report) == "accepted"


def test_going_up_to_two_keys_leaves_settled_reports(queued, ravi, mona) -> None:
    settled, waiting = queued(1), queued(2)
    accept(settled, ravi)
    approval_rule.change(number=2, by=mona)
    accept(waiting, ravi)

    assert (status(settled), status(waiting)) == ("accepted", "queued")


def test_two_keys_need_two_reviewers(queued, mona) -> None:
    with pytest.raises(WrongState, match="two people who review"):
        approval_rule.change(number=2, by=mona)
    with pytest.raises(WrongState, match="second reviewer"):
        triage.ask_second_opinion(report=queued(), by=mona)
    assert not ApprovalRule.objects.current().two


@pytest.mark.parametrize(("number", "refusal"), [(1, WrongState), (0, Invalid), (3, Invalid)])
def test_number_of_keys_is_changed_to_one_or_two(ravi, mona, number, refusal) -> None:
    with pytest.raises(refusal):
        approval_rule.change(number=number, by=mona)
    assert not LedgerEntry.objects.filter(kind="keys").exists()


def test_a_second_opinion_needs_two_reviewers_who_agree_whatever_the_rule(
    queued, ravi, mona
) -> None:
    report, other = queued(1), queued(2)
    triage.ask_second_opinion(report=report, by=ravi)

    accept(report, ravi)
    accept(other, ravi)

    assert (status(report), status(other)) == ("queued", "accepted")
    accept(report, mona)
    assert status(report) == "accepted"


def test_no_second_opinion_on_a_report_that_is_settled_or_claimed(queued, ravi, mona) -> None:
    settled, taken = queued(1), queued(2)
    accept(settled, ravi)
    assert triage.claim_next(by=mona) == taken

    with pytest.raises(AlreadyDecided):
        triage.ask_second_opinion(report=settled, by=ravi)
    with pytest.raises(WrongState, match="which mona opened"):
        triage.ask_second_opinion(report=taken, by=ravi)


def test_an_appeal_goes_first_to_reviewers_who_did_not_reject_the_report(
    two, queued, ravi, mona, tara
) -> None:
    report = queued()
    reject(report, ravi)
    reject(report, mona)
    reports.appeal(report=report, words="It is drawn.")

    assert triage.claim_next(by=ravi) is None
    assert triage.claim_next(by=mona) is None
    assert triage.claim_next(by=tara) == report
    accept(report, tara)

    assert status(report) == "queued"
    assert triage.claim_next(by=ravi) == report
    accept(report, ravi)
    assert status(report) == "accepted"


def test_a_withdrawn_report_takes_no_second_decision(two, queued, ravi, mona) -> None:
    report = queued()
    accept(report, ravi, groups={"medium": "vector"})
    reports.withdraw(report=Report.objects.get())

    with pytest.raises(AlreadyDecided, match="withdrawn"):
        accept(report, mona)

    assert list(report.decisions.values_list("by__username", "groups")) == [("ravi", {})]


def test_with_two_keys_another_maintainer_approves_a_retrain(two, queued, ravi, mona) -> None:
    report, nora = queued(), account("nora", roles.MAINTAINERS)
    accept(report, ravi)
    accept(report, mona)
    anchor = Row("b" * 64, "sexy", {}, "train", "demo", "owl")
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([anchor]), images=1)
    retrain = retrains.propose(by=mona)

    with pytest.raises(WrongState, match="nobody approves a retrain that they proposed"):
        retrains.approve(retrain=retrain, by=mona)
    retrain.refresh_from_db()
    assert retrain.status == "proposed"

    assert retrains.approve(retrain=retrain, by=nora).status == "approved"
    assert LedgerEntry.objects.get(kind="approval").facts["keys"] == 2


def test_the_ledger_has_both_numbers_and_the_name_of_who_changed_them(two) -> None:
    assert LedgerEntry.objects.get(kind="keys").facts == {"keys": 2, "before": 1, "by": "mona"}


def test_going_up_to_two_keys_settles_nothing(queued, ravi, mona) -> None:
    report = queued()
    Decision.objects.create(report=report, by=ravi, outcome="accepted", label="drawings")

    assert approval_rule.change(number=2, by=mona) == 0

    assert status(report) == "queued"


def test_going_down_to_one_key_needs_no_second_reviewer(two, ravi, mona) -> None:
    ravi.groups.clear()

    approval_rule.change(number=1, by=mona)

    assert not ApprovalRule.objects.current().two


def test_going_down_to_one_key_says_how_many_reports_it_settled(two, queued, ravi, mona) -> None:
    for seed in range(3):
        accept(queued(seed), ravi)

    assert approval_rule.change(number=1, by=mona) == 3

    assert not ApprovalRule.objects.current().two
    assert Decision.objects.exclude(settled_at=None).count() == 3


def at_once(*acts) -> list[Exception]:
    """Do all of them at the same moment, each in a thread; what was refused."""
    refused: list[Exception] = []
    start = threading.Barrier(len(acts))

    def run(act) -> None:
        start.wait()
        try:
            act()
        except Exception as problem:
            refused.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@pytest.mark.django_db(transaction=True)
def test_reviewers_who_agree_at_the_same_moment_settle_a_report_once(
    two, queued, ravi, mona
) -> None:
    for seed in range(5):
        report = queued(seed)

        refused = at_once(
            lambda report=report: accept(Report.objects.get(pk=report.pk), ravi),
            lambda report=report: accept(Report.objects.get(pk=report.pk), mona),
        )

        assert refused == []
        assert status(report) == "accepted"
    assert len(outcomes()) == 5
    assert Decision.objects.exclude(settled_at=None).count() == 5


@pytest.mark.django_db(transaction=True)
def test_one_reviewer_in_two_windows_counts_once(two, queued, ravi) -> None:
    report = queued()

    refused = at_once(*[lambda: accept(Report.objects.get(pk=report.pk), ravi)] * 2)

    assert len(refused) == 1
    assert status(report) == "queued"
    assert report.decisions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_to_one_key_during_a_decision_leaves_no_report_undecided(
    two, queued, ravi, mona
) -> None:
    report = queued()

    refused = at_once(
        lambda: approval_rule.change(number=1, by=mona),
        lambda: accept(Report.objects.get(pk=report.pk), ravi),
    )

    assert refused == []
    assert status(report) == "accepted"
