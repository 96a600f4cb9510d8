"""Alike reports are decided together, and undone together."""

import pytest
from django.urls import reverse

from feedback.models import Decision, Golden, Report
from feedback.services import datasets, triage
from nsfwsite.pages import wall

pytestmark = pytest.mark.django_db
URL = "/triage/wall/"


@pytest.fixture
def reviewing(client, ravi):
    client.force_login(ravi)
    return client


def post(client, reports, outcome="accepted", **fields):
    data = {"report": [report.pk for report in reports], "outcome": outcome, **fields}
    return client.post(URL, data, follow=True).content.decode()


def statuses() -> list[str]:
    return list(Report.objects.order_by("pk").values_list("status", flat=True))


def test_reports_stand_in_groups_of_what_was_said_and_what_is_right(reviewing, queued) -> None:
    for seed in (1, 2, 3):
        queued(seed)
    queued(4, expected_label="sexy")
    page = reviewing.get(URL).content.decode()
    assert page.index("reporters say drawings") < page.index("reporters say sexy")
    assert "4 reports to decide" in page
    assert page.count('name="report"') == 4


def test_a_filter_shows_some_of_them(reviewing, queued) -> None:
    queued(1)
    queued(2, expected_label="sexy")
    assert reviewing.get(URL, {"expected": "sexy"}).content.count(b'name="report"') == 1
    nothing = reviewing.get(URL, {"predicted": "porn"}).content.decode()
    assert nothing.count('name="report"') == 0
    assert "No report to decide is like that." in nothing
    assert '<select name="predicted">' in nothing
    assert reviewing.get(URL, {"predicted": "nonsense"}).content.count(b'name="report"') == 2


def test_a_selection_is_accepted_and_the_rest_waits(reviewing, queued) -> None:
    reports = [queued(seed) for seed in (1, 2, 3)]
    page = post(reviewing, reports[:2], label="drawings")
    assert "2 reports accepted as drawings." in page
    assert statuses() == ["accepted", "accepted", "queued"]
    assert reports[0].decision.groups == reports[0].groups


def test_a_selection_is_rejected_with_a_reason(reviewing, queued) -> None:
    reports = [queued(seed) for seed in (1, 2)]
    page = post(reviewing, reports, outcome="rejected", because="cannot-tell")
    assert "2 reports rejected." in page
    assert {decision.because for decision in Decision.objects.all()} == {"cannot-tell"}


def test_without_a_reason_nothing_is_rejected_and_the_selection_stays(reviewing, queued) -> None:
    reports = [queued(seed) for seed in (1, 2)]
    page = post(reviewing, reports[:1], outcome="rejected")
    assert "needs a reason" in page
    assert page.count(" checked") - page.count('"checkbox" checked') == 1
    assert statuses() == ["queued", "queued"]


def test_nothing_selected_decides_nothing(reviewing, queued) -> None:
    queued()
    assert "A selection has 1 to 200 reports that can still be decided." in post(reviewing, [])
    assert statuses() == ["queued"]


@pytest.mark.parametrize("outcome", ["", "escalated", "nonsense"])
def test_other_outcomes_are_refused(reviewing, queued, outcome) -> None:
    response = reviewing.post(URL, {"report": [queued().pk], "outcome": outcome})
    assert response.status_code == 422
    assert statuses() == ["queued"]


def test_two_people_who_decide_the_same_selection_are_told_who_was_first(
    reviewing, queued, mona
) -> None:
    reports = [queued(seed) for seed in (1, 2)]
    triage.decide(report=reports[0], outcome="rejected", because="cannot-tell", by=mona)
    page = post(reviewing, reports, label="drawings")
    assert f"Report {reports[0].pk} is not decided." in page
    assert "rejected by mona" in page
    assert "1 report accepted as drawings." in page
    assert statuses() == ["rejected", "accepted"]


def test_the_last_decisions_are_undone_once(reviewing, queued) -> None:
    reports = [queued(seed) for seed in (1, 2)]
    assert "Undo the last 2 decisions" in post(reviewing, reports, label="drawings")
    page = reviewing.post(reverse("undo"), follow=True).content.decode()
    assert "2 reports can be decided again." in page
    assert statuses() == ["queued", "queued"]
    assert "Undo the last" not in page
    reviewing.post(reverse("undo"))
    assert statuses() == ["queued", "queued"]


def test_what_a_dataset_has_learnt_is_not_undone(reviewing, queued) -> None:
    report = queued()
    post(reviewing, [report], label="drawings")
    Report.objects.update(status="folded", folded_into=datasets.create_first([]))
    page = reviewing.post(reverse("undo"), follow=True).content.decode()
    assert f"Report {report.pk} stays decided." in page
    assert statuses() == ["folded"]


def test_a_selection_that_is_too_large_is_refused_whole(reviewing, queued, monkeypatch) -> None:
    monkeypatch.setattr(wall, "MOST", 2)
    reports = [queued(seed) for seed in (1, 2, 3)]
    assert "Received: 3." in post(reviewing, reports, label="drawings")
    assert statuses() == ["queued"] * 3


def test_reports_that_are_gone_are_no_selection(reviewing, queued) -> None:
    report = queued()
    Report.objects.all().delete()
    assert "that can still be decided" in post(reviewing, [report], label="drawings")


def test_the_answer_to_a_golden_copy_is_undone_like_any_other(reviewing, queued, mona) -> None:
    golden = Golden.objects.create(report=queued(1), by=mona)
    triage.decide(report=golden.report, outcome="accepted", by=mona)
    copy = queued(2)
    Report.objects.filter(pk=copy.pk).update(status="golden", golden=golden)
    post(reviewing, [copy, queued(3)], label="drawings")
    page = reviewing.post(reverse("undo"), follow=True).content.decode()
    assert "2 reports can be decided again." in page
