"""One case: what its page shows, and how it is decided."""

import pytest
from django.urls import reverse

from feedback import queries
from feedback.models import LedgerEntry, Report
from feedback.services import reports, triage
from tests.nsfwsite.pages.addresses import case_url


def test_ravi_accepts_and_goes_on_to_the_next(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    answer = client.post(
        case_url(first),
        {"outcome": "accepted", "label": "drawings", "group_medium": "painting"},
    )

    first.refresh_from_db()
    assert first.status == Report.Status.ACCEPTED
    assert first.decisions.get().groups == {"medium": "painting"}
    assert answer.url == case_url(second)


def test_after_the_last_one_ravi_is_back_at_the_queue(client, ravi, queued) -> None:
    client.force_login(ravi)
    answer = client.post(case_url(queued()), {"outcome": "rejected", "reason_rejected": "Is not."})

    assert answer.url == reverse("triage")


def test_a_rejection_needs_a_reason(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()

    page = client.post(case_url(report), {"outcome": "rejected", "reason_rejected": " "})

    report.refresh_from_db()
    assert page.status_code == 422
    assert "needs a reason" in page.content.decode()
    assert report.status == Report.Status.QUEUED


def test_rosa_reads_the_reason_that_ravi_chose_and_his_line(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    assert "It cannot be told from the image" in client.get(case_url(report)).content.decode()

    client.post(
        case_url(report),
        {"outcome": "rejected", "because": "cannot-tell", "reason_rejected": "It is too dark."},
    )

    receipt = client.get(reverse("receipt", args=[report.receipt])).content.decode()
    assert "From the image alone it cannot be told" in receipt
    assert "It is too dark." in receipt
    assert "It cannot be told from the image." in client.get(case_url(report)).content.decode()


def test_a_second_decision_is_refused_and_names_the_first_reviewer(
    client, ravi, mona, queued
) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    client.force_login(mona)

    page = client.post(case_url(report), {"outcome": "rejected", "reason_rejected": "No."})

    assert page.status_code == 409
    assert "by ravi" in page.content.decode()


@pytest.mark.parametrize("collects", [False, True])
def test_the_case_warns_that_explicit_images_are_deleted(
    client, ravi, queued, settings, collects
) -> None:
    settings.COLLECT_MISSES = collects
    client.force_login(ravi)
    assert ("is deleted at once" in client.get(case_url(queued())).content.decode()) is not collects


def test_a_queued_report_has_no_decision_to_take_back(client, ravi, queued) -> None:
    report = queued()
    client.force_login(ravi)
    page = client.post(reverse("reopen", args=[report.pk]))
    assert page.status_code == 409
    assert "A decision can be taken back while the report is accepted." in page.content.decode()


def test_another_reviewer_decides_an_appeal(client, queued, ravi, mona) -> None:
    report, other = queued(1), queued(2)
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    reports.appeal(report=report, words="It is drawn with a pencil.")
    client.force_login(ravi)

    assert list(queries.triage.open_cases(ravi)) == [other]
    page = client.get(reverse("case", args=[report.pk])).content.decode()
    assert "decided by somebody who did not decide the report before" in page
    answer = client.post(reverse("case", args=[report.pk]), {"outcome": "accepted"})
    assert answer.status_code == 409
    assert "who rejected it" in answer.content.decode()

    client.force_login(mona)
    assert (
        "It is drawn with a pencil."
        in client.get(reverse("case", args=[report.pk])).content.decode()
    )
    client.post(reverse("case", args=[report.pk]), {"outcome": "accepted", "label": "drawings"})
    report.refresh_from_db()
    assert report.status == "accepted"
    outcomes = LedgerEntry.objects.filter(kind="report").order_by("number")
    assert [entry.facts["outcome"] for entry in outcomes] == ["rejected", "appealed", "accepted"]


def test_without_another_reviewer_the_same_person_decides_an_appeal(client, queued, ravi) -> None:
    report = queued(1)
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    reports.appeal(report=report, words="It is drawn with a pencil.")

    assert list(queries.triage.open_cases(ravi)) == [report]
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert report.status == "accepted"


@pytest.fixture
def alike(queued, judged):
    """A report, one that says the same of nearly its picture, one that is about another too."""
    return (
        queued(1),
        queued(classifications=[judged(1, pale=True)]),
        queued(classifications=[judged(1), judged(2)]),
    )


def tick_of(report) -> str:
    return f'name="also" value="{report.pk}"'


def test_only_near_duplicates_that_fully_agree_are_ticked(
    client, ravi, queued, alike, settings
) -> None:
    first, agrees, more = alike
    settings.COLLECT_MISSES = True
    differs, other = queued(1, expected_label="sexy"), queued(2)
    client.force_login(ravi)
    page = client.get(case_url(first)).content.decode()

    ticks = {
        report.pk: page.partition(tick_of(report))[2].partition(">")[0] for report in alike[1:]
    }
    assert "checked" in ticks[agrees.pk]
    assert "checked" not in ticks[more.pk]
    assert "1 other image<" in page
    assert tick_of(differs) in page
    assert "checked" not in page.partition(tick_of(differs))[2].partition(">")[0]
    assert tick_of(other) not in page
    assert "?clear" not in page


def test_ravi_decides_near_duplicates_together_and_reads_what_was_refused(
    client, ravi, alike
) -> None:
    first, agrees, more = alike
    reports.withdraw(report=more)
    client.force_login(ravi)
    answer = client.post(
        case_url(first),
        {"outcome": "accepted", "label": "drawings", "also": [agrees.pk, more.pk, first.pk, "x"]},
        follow=True,
    )
    text = answer.content.decode()
    assert f"Report {first.pk} is accepted." in text
    assert f"Decided alike: {agrees.pk}." in text
    assert f"Report {more.pk} is not decided." in text
    agrees.refresh_from_db()
    assert agrees.status == "accepted"


def test_ticks_are_kept_when_an_answer_is_refused(client, ravi, alike) -> None:
    first, agrees, more = alike
    client.force_login(ravi)
    page = client.post(case_url(first), {"outcome": "rejected", "also": [more.pk]}).content.decode()
    assert "checked" in page.partition(tick_of(more))[2].partition(">")[0]
    assert "checked" not in page.partition(tick_of(agrees))[2].partition(">")[0]


def test_only_nine_near_duplicates_are_listed(client, ravi, queued) -> None:
    flood = [queued(1) for _ in range(12)]
    client.force_login(ravi)
    page = client.get(case_url(flood[0])).content.decode()
    assert page.count('name="also"') == 9
    assert "2 more come" in page
