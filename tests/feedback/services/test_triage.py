import pytest
from django.db import IntegrityError, transaction

from feedback.errors import AlreadyDecided, Invalid
from feedback.models import Decision, Report, StoredImage
from feedback.models.decision import REASONS
from feedback.services import triage

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
def test_refusing_needs_a_reason(queued, ravi, outcome):
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


def test_a_picture_that_ravi_calls_explicit_is_not_kept(queued, ravi):
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
    decision, told = declined(queued(), ravi, "cannot-tell")
    assert decision.because == "cannot-tell"
    assert told == REASONS["cannot-tell"]["told"]


def test_the_reporter_reads_the_reason_in_words_and_the_line(queued, ravi):
    _, told = declined(queued(), ravi, "right-by-definition", "A sketch is a drawing.")
    assert "as the public definition of that label stands" in told
    assert told.endswith("\n\nA sketch is a drawing.")


def test_a_line_alone_is_another_reason(queued, ravi):
    decision, told = declined(queued(), ravi, line=" It is a photograph. ")
    assert (decision.because, told) == ("other", "It is a photograph.")


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
def test_the_database_knows_what_a_reason_is(queued, ravi, broken):
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(report=queued(), by=ravi, **broken)
