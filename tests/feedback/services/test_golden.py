"""A decided report is asked again without anybody knowing, and nothing comes of it but a figure."""

import datetime
import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from feedback import queries, roles
from feedback.errors import AlreadyDecided, WrongState
from feedback.models import (
    Decision,
    Example,
    ExampleScore,
    Golden,
    GoldenAnswer,
    LedgerEntry,
    ModelVersion,
    PublicReport,
    Report,
    ReportEvent,
)
from feedback.services import approval_rule, golden, outcomes, reports, triage
from tests.cast import account
from tests.nsfwsite.api.client import api_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def tara(db) -> User:
    """She has decided nothing yet."""
    return account("tara", roles.REVIEWERS)


@pytest.fixture
def original(queued, ravi, mona) -> Report:
    """Decided by Ravi as drawings, and golden."""
    report = queued(1, description="Drawn with a pen.")
    triage.decide(report=report, outcome="accepted", by=ravi, groups={"medium": "vector"})
    golden.mark(report=report, by=mona)
    return report


@pytest.fixture
def golden_copy(original, queued, settings) -> Report:
    """It waits behind a new report, which is out of the way."""
    settings.GOLDEN_SHARE = 1.0
    triage.decide(
        report=queued(2),
        outcome="escalated",
        by=account("victor", roles.REVIEWERS),
        reason="Look.",
    )
    return Report.objects.get(status="golden")


def everything_public() -> list:
    return [
        list(LedgerEntry.objects.values_list("hash", flat=True)),
        list(PublicReport.objects.values()),
        list(Decision.objects.values()),
        list(ReportEvent.objects.values()),
        list(Report.objects.exclude(status="golden").values()),
    ]


def test_a_golden_copy_is_queued_behind_a_new_report(golden_copy, original, tara) -> None:
    assert golden_copy.golden.report == original
    assert golden_copy.pk > original.pk
    assert (golden_copy.description, golden_copy.groups) == (original.description, original.groups)
    assert list(queries.triage.open_cases(tara)) == [golden_copy]


def test_a_pair_is_copied_as_a_pair(paired, queued, ravi, mona, settings) -> None:
    report = paired(subject="Hands")
    triage.decide(report=report, outcome="accepted", by=ravi)
    golden.mark(report=report, by=mona)
    settings.GOLDEN_SHARE = 1.0
    queued(9)

    golden_copy = Report.objects.get(status="golden")
    assert golden_copy.subject == "Hands"
    for copied, original in zip(golden_copy.pairs, report.pairs, strict=True):
        assert [example.image for example in copied] == [example.image for example in original]
        assert [example.groups for example in copied] == [example.groups for example in original]


def test_golden_copies_are_as_frequent_as_the_setting_says(original, queued, settings) -> None:
    settings.GOLDEN_SHARE = 0.0
    queued(2)
    assert not Report.objects.filter(status="golden").exists()


def test_only_a_reviewer_who_does_not_know_the_answer_gets_it(golden_copy, ravi, tara) -> None:
    assert triage.claim_next(by=ravi) is None
    with pytest.raises(WrongState, match="says once"):
        triage.decide(report=golden_copy, outcome="accepted", by=ravi)
    assert triage.claim_next(by=tara) == golden_copy


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ({"outcome": "accepted"}, True),
        ({"outcome": "accepted", "label": "neutral"}, False),
        ({"outcome": "rejected", "because": "cannot-tell"}, False),
        ({"outcome": "escalated", "reason": "Look at this."}, False),
    ],
)
def test_the_answer_is_stored_apart_and_changes_nothing(
    golden_copy, original, tara, answer, right
) -> None:
    before = everything_public()

    decision = triage.decide(report=golden_copy, by=tara, **answer)

    assert everything_public() == before
    assert decision.settled_at
    assert decision.pk is None
    answer = GoldenAnswer.objects.get()
    assert (answer.by, answer.golden.report, answer.right) == (tara, original, right)
    assert not Report.objects.filter(status="golden").exists()
    assert not Example.objects.filter(report=golden_copy.pk).exists()
    assert original.examples.get().image


def test_a_reviewer_is_asked_a_golden_case_once(golden_copy, queued, tara, mona) -> None:
    triage.decide(report=golden_copy, outcome="accepted", by=tara)
    queued(3)
    again = Report.objects.get(status="golden")

    assert again not in queries.triage.open_cases(tara)
    assert again in queries.triage.open_cases(mona)


def test_a_golden_case_that_every_reviewer_knows_is_not_asked(
    original, queued, mona, settings
) -> None:
    settings.GOLDEN_SHARE = 1.0
    GoldenAnswer.objects.create(golden=Golden.objects.get(), by=mona, verdict="x", right=False)
    queued(2)
    assert not Report.objects.filter(status="golden").exists()


def test_a_golden_case_has_one_copy_in_the_queue(golden_copy, queued) -> None:
    queued(3)
    assert Report.objects.filter(status="golden").count() == 1


def test_a_golden_case_that_the_model_gets_right_is_not_asked(original, queued, settings) -> None:
    settings.GOLDEN_SHARE = 1.0
    original.examples.get().scores.update(label="drawings")
    queued(2)
    assert not Report.objects.filter(status="golden").exists()


def like_any(page: str, pk: int) -> str:
    """A page without the numbers in addresses and ids, which differ between any two cases."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|nonce="[^"]*"', "", page)
    return re.sub(r"([-/])\d+", r"\g<1>N", page).replace(f"Report {pk}", "Report N")


def test_the_page_of_a_golden_copy_looks_like_any_case(
    client, original, queued, tara, settings
) -> None:
    settings.GOLDEN_SHARE = 1.0
    real = queued(2, description="Drawn with a pen.")
    golden_copy = Report.objects.get(status="golden")
    Report.objects.update(created_at=timezone.now() - datetime.timedelta(hours=2))
    client.force_login(tara)

    pages = {
        pk: like_any(client.get(reverse("case", args=[pk])).content.decode(), pk)
        for pk in (real.pk, golden_copy.pk)
    }

    assert pages[real.pk] == pages[golden_copy.pk]


@pytest.mark.parametrize("two", [False, True])
def test_a_golden_copy_is_answered_like_any_case(
    client, original, queued, tara, mona, settings, two
) -> None:
    if two:
        approval_rule.change(number=2, by=mona)
    settings.GOLDEN_SHARE = 1.0
    real = queued(2)
    golden_copy = Report.objects.get(status="golden")
    client.force_login(tara)

    def message_without_number(pk: int) -> str:
        body = {"outcome": "accepted", "label": "drawings"}
        client.post(reverse("case", args=[pk]), body)
        page = client.get(reverse("triage")).content.decode()
        return re.search(r'role="status">(.*?)</div>', page)[1].replace(str(pk), "N")

    assert message_without_number(real.pk) == message_without_number(golden_copy.pk)


def test_without_scripts_a_revealed_image_stays_on_the_page_of_a_golden_copy(
    client, golden_copy, tara
) -> None:
    client.force_login(tara)
    image = golden_copy.examples.get().image
    page = client.post(reverse("reveal", args=[image.pk])).content.decode()
    assert f"<h1>Report {golden_copy.pk}</h1>" in page
    assert "ravi" not in page


def test_the_api_treats_a_golden_copy_like_any_case(golden_copy, tara) -> None:
    api = api_client(tara)
    assert [case["id"] for case in api.get("/api/v1/triage/").json()["results"]] == [golden_copy.pk]
    url = f"/api/v1/triage/{golden_copy.pk}/decision/"
    answer = api.post(url, {"outcome": "accepted"})
    assert answer.status_code == 201
    assert answer.json()["settled"] is True
    assert set(answer.json()) >= {"by", "at", "label", "groups"}


def test_a_golden_copy_is_answered_once(golden_copy, tara, mona) -> None:
    triage.decide(report=golden_copy, outcome="accepted", by=tara)
    with pytest.raises(AlreadyDecided):
        triage.decide(report=golden_copy, outcome="accepted", by=mona)
    assert GoldenAnswer.objects.count() == 1


def test_a_golden_copy_is_never_published(golden_copy) -> None:
    before = everything_public()
    outcomes.publish(golden_copy.pk)
    assert everything_public() == before


@pytest.mark.parametrize("how", ["withdraw", "reopen"])
def test_an_uncertain_golden_case_is_deleted_with_its_copy_and_answers(
    golden_copy, original, tara, mona, queued, how
) -> None:
    triage.decide(report=golden_copy, outcome="accepted", by=tara)
    queued(3)
    assert Report.objects.filter(status="golden").exists()

    if how == "withdraw":
        reports.withdraw(report=original)
    else:
        triage.reopen(report=original, by=mona)

    assert not Golden.objects.exists()
    assert not GoldenAnswer.objects.exists()
    assert not Report.objects.filter(status="golden").exists()
    assert (
        not Report.objects.filter(description=original.description).exclude(pk=original.pk).exists()
    )


def test_an_appealed_report_is_no_golden_case(queued, ravi, mona) -> None:
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, because="cannot-tell")
    golden.mark(report=report, by=mona)
    reports.appeal(report=report, words="Look again.")
    assert not Golden.objects.exists()


@pytest.mark.parametrize("pixels", [True, False])
def test_only_a_decided_report_with_images_is_a_golden_case(
    queued, judged, ravi, mona, pixels
) -> None:
    report = queued(
        1, classifications=[judged(1, pixels=pixels)], consent_store=pixels, consent_train=False
    )
    if not pixels:
        triage.decide(report=report, outcome="accepted", by=ravi)
    with pytest.raises(WrongState, match="whose images are kept"):
        golden.mark(report=report, by=mona)


def test_mona_marks_golden_cases_and_ravi_cannot(client, original, mona, ravi, tara) -> None:
    url = reverse("golden", args=[original.pk])
    client.force_login(ravi)
    assert client.post(url, {"golden": "no"}).status_code == 404
    assert "olden" not in client.get(reverse("case", args=[original.pk])).content.decode()
    client.force_login(mona)
    assert "No longer" in client.get(reverse("case", args=[original.pk])).content.decode()
    client.post(url, {"golden": "no"})
    assert not Golden.objects.exists()
    client.post(url, {"golden": "yes"})
    assert Golden.objects.get().by == mona


def test_tara_learns_afterwards_how_many_were_right(client, golden_copy, tara, ravi) -> None:
    client.force_login(tara)
    page = reverse("agreement")
    assert "Golden cases" not in client.get(page).content.decode()
    triage.decide(report=golden_copy, outcome="accepted", by=tara)

    assert "1 of 1" in client.get(page).content.decode()
    client.force_login(ravi)
    assert "1 of 1" not in client.get(page).content.decode()


def copies() -> list[Report]:
    return list(Report.objects.filter(status="golden"))


def test_who_marked_a_golden_case_first_stays_on_record(original, mona, ravi) -> None:
    golden.mark(report=original, by=ravi)
    assert Golden.objects.get().by == mona


@pytest.mark.parametrize("status", sorted(set(Report.Status.values) - {"golden"}))
def test_a_golden_case_is_a_report_whose_outcome_is_public(original, status) -> None:
    original.status = status
    assert golden.usable(original) is (status in {"accepted", "folded", "answered", "rejected"})


def test_a_report_that_lost_one_of_its_images_is_no_golden_case(paired, ravi, mona) -> None:
    report = paired()
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert golden.usable(report)
    report.examples.last().image.delete()
    assert not golden.usable(report)


def test_one_golden_case_is_unmarked_and_the_others_stay(
    original, queued, ravi, mona, settings
) -> None:
    settings.GOLDEN_SHARE = 0.0
    other = queued(7)
    triage.decide(report=other, outcome="accepted", by=ravi)
    golden.mark(report=other, by=mona)
    golden.unmark(original)
    assert Golden.objects.get().report == other


@pytest.mark.parametrize(("drawn", "count"), [(0.24, 1), (0.25, 0), (0.26, 0)])
def test_a_golden_copy_follows_a_report_with_the_probability_of_the_setting(
    original, settings, monkeypatch, drawn, count
) -> None:
    settings.GOLDEN_SHARE = 0.25
    monkeypatch.setattr("secrets.SystemRandom.random", lambda self: drawn)
    golden.maybe_queue_copy()
    assert len(copies()) == count


@pytest.fixture
def two_cases(original, queued, ravi, mona, settings) -> tuple[Report, Report]:
    """Two golden cases, none of them in the queue."""
    settings.GOLDEN_SHARE = 0.0
    other = queued(7)
    triage.decide(report=other, outcome="accepted", by=ravi)
    golden.mark(report=other, by=mona)
    settings.GOLDEN_SHARE = 1.0
    return original, other


def test_the_oldest_golden_case_is_asked_first(two_cases) -> None:
    assert golden.maybe_queue_copy().golden.report == two_cases[0]
    assert golden.maybe_queue_copy().golden.report == two_cases[1]
    assert golden.maybe_queue_copy() is None


def test_the_golden_case_with_the_fewest_answers_is_asked_first(two_cases, tara) -> None:
    GoldenAnswer.objects.create(
        golden=two_cases[0].golden_case, by=tara, verdict="drawings", right=True
    )
    assert golden.maybe_queue_copy().golden.report == two_cases[1]


def test_a_golden_case_whose_image_is_gone_is_passed_over(two_cases) -> None:
    two_cases[0].examples.get().image.delete()
    assert golden.maybe_queue_copy().golden.report == two_cases[1]
    assert golden.maybe_queue_copy() is None


@pytest.fixture
def newer_champion(original, champion) -> ModelVersion:
    """A model that took the place of the one that was wrong, and has judged nothing yet."""
    ModelVersion.objects.filter(pk=champion.pk).update(status="retired")
    return ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="newer", status="champion", promoted_at=timezone.now()
    )


def test_a_golden_case_that_the_champion_has_not_judged_is_not_asked(
    newer_champion, settings
) -> None:
    settings.GOLDEN_SHARE = 1.0
    assert golden.maybe_queue_copy() is None


def test_a_golden_copy_has_the_answers_of_the_champion_alone(
    newer_champion, original, settings
) -> None:
    settings.GOLDEN_SHARE = 1.0
    answer = ExampleScore.objects.create(
        example=original.examples.get(), model=newer_champion, label="drawings", scores={"a": 1}
    )
    assert golden.maybe_queue_copy() is None  # it is right: no new report looks like that
    ExampleScore.objects.filter(pk=answer.pk).update(label="sexy")
    score = golden.maybe_queue_copy().examples.get().scores.get()
    assert (score.model, score.label, score.scores) == (newer_champion, "sexy", {"a": 1})


def test_a_golden_copy_shows_what_the_report_shows_and_nothing_else(
    queued, ravi, mona, settings
) -> None:
    report = queued(
        1,
        subject="Pens",
        source="a network",
        idempotency_key="k1",
        request_sha256="d" * 64,
        consent_train=False,
        kind="unfair",
    )
    triage.decide(report=report, outcome="accepted", by=ravi)
    golden.mark(report=report, by=mona)
    settings.GOLDEN_SHARE = 1.0
    copy = golden.maybe_queue_copy()
    copy.refresh_from_db()
    for name in golden.REPORT_FIELDS:
        assert getattr(copy, name) == getattr(report, name)
    assert (copy.kind, copy.subject, copy.consent_store) == ("unfair", "Pens", True)
    assert (copy.source, copy.idempotency_key, copy.request_sha256) == ("", None, "")
    assert (copy.status, copy.golden, copy.folded_into) == ("golden", report.golden_case, None)
    assert not copy.decisions.exists()
    example, original = copy.examples.get(), report.examples.get()
    for name in golden.EXAMPLE_FIELDS:
        assert getattr(example, name) == getattr(original, name)
    assert example.scores.get().scores == original.scores.get().scores


def test_two_workers_queue_one_copy(original, settings) -> None:
    settings.GOLDEN_SHARE = 1.0
    case = Golden.objects.get()
    assert golden._queue_copy(case) is not None
    assert golden._queue_copy(case) is None
    assert len(copies()) == 1
    assert Example.objects.count() == 2


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [({"outcome": "accepted", "label": "sexy"}, "sexy"), ({"outcome": "rejected"}, "rejected")],
)
def test_an_answer_is_stored_with_its_verdict_and_its_time(
    golden_copy, tara, answer, verdict
) -> None:
    decision = triage.decide(report=golden_copy, by=tara, reason="So.", **answer)
    assert GoldenAnswer.objects.get().verdict == verdict
    assert abs(timezone.now() - decision.at) < datetime.timedelta(minutes=1)


@pytest.mark.parametrize(("outcome", "settled"), [("accepted", False), ("escalated", True)])
def test_with_two_keys_an_answer_looks_as_settled_as_any_first_decision(
    golden_copy, tara, mona, outcome, settled
) -> None:
    approval_rule.change(number=2, by=mona)
    decision = triage.decide(report=golden_copy, outcome=outcome, by=tara, reason="Look.")
    assert bool(decision.settled_at) is settled


def test_an_answer_to_a_case_without_a_standing_decision_is_not_right(
    golden_copy, original, tara
) -> None:
    original.decisions.update(taken_back_at=timezone.now())
    triage.decide(report=golden_copy, outcome="accepted", by=tara)
    assert GoldenAnswer.objects.get().right is False


def test_only_a_golden_copy_is_answered(original, tara) -> None:
    decision = Decision(report=original, by=tara, outcome="accepted", label="drawings")
    with pytest.raises(AssertionError, match="only a golden copy"):
        golden.answer(decision=decision)
    assert Report.objects.filter(pk=original.pk).exists()
