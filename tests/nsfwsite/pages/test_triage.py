import datetime
import io
import json

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from feedback import people, queries
from feedback.models import DatasetVersion, LedgerEntry, Look, Report
from feedback.services import images, manifests, reports, retrains, triage
from tests.cast import account


def image_of(report):
    return reverse("image", args=[report.examples.get().image.pk])


def case_of(report):
    return reverse("case", args=[report.pk])


def pages_of(report):
    return [reverse("triage"), case_of(report), image_of(report)]


def test_nobody_gets_in_without_signing_in(client, queued) -> None:
    for page in pages_of(queued()):
        assert client.get(page).url.startswith(reverse("sign-in"))


def test_stranger_cannot_see_triage(client, sam, queued) -> None:
    client.force_login(sam)
    for page in pages_of(queued()):
        assert client.get(page).status_code == 403


def test_ravi_sees_the_oldest_first(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    text = client.get(reverse("triage")).content.decode()

    assert text.index(case_of(first)) < text.index(f'"{case_of(second)}">Report')
    assert "2 reports to decide" in text


def test_images_are_blurred_until_asked_for(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    closed = client.get(case_of(report)).content.decode()
    assert 'class="veiled closed"' in closed
    assert "?clear" not in closed

    shown = client.post(reverse("reveal", args=[report.examples.get().image.pk])).content.decode()

    assert 'class="veiled closed"' not in shown
    assert f'src="{image_of(report)}?clear"' in shown


def test_no_pixel_is_seen_that_is_not_written_down(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    veiled = Image.open(io.BytesIO(client.get(image_of(report)).content))
    assert not Look.objects.exists()
    assert (veiled.mode, max(veiled.size)) == ("L", images.BLURRED_SIDE)

    clear = client.get(f"{image_of(report)}?clear")
    assert Image.open(io.BytesIO(clear.getvalue())).size == (80, 60)
    look = Look.objects.get()
    assert (look.by, look.what, look.report, look.picture) == (ravi, "saw", report.pk, 1)


def test_an_image_is_served_to_be_looked_at_and_forgotten(client, ravi, queued) -> None:
    client.force_login(ravi)
    headers = client.get(image_of(queued())).headers

    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("inline")
    assert "no-store" in headers["Cache-Control"]
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_an_image_that_was_not_screened_is_seen_by_nobody(client, ravi, filed) -> None:
    client.force_login(ravi)
    assert client.get(image_of(filed())).status_code == 404


def test_an_image_that_was_not_reported_is_seen_by_nobody(client, ravi, judged) -> None:
    client.force_login(ravi)
    assert client.get(reverse("image", args=[judged().image.pk])).status_code == 404


@pytest.mark.parametrize(
    ("groups", "status"),
    [([people.REVIEWERS], 404), ([people.SAFETY], 200), ([people.REVIEWERS, people.SAFETY], 200)],
)
def test_escalated_images_are_for_safety_alone(client, ravi, queued, groups, status) -> None:
    report = queued()
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
    client.force_login(account("sara", *groups))

    assert client.get(image_of(report)).status_code == status


def test_ravi_accepts_and_goes_on_to_the_next(client, ravi, queued) -> None:
    client.force_login(ravi)
    first, second = queued(1), queued(2)

    answer = client.post(
        case_of(first),
        {"outcome": "accepted", "label": "drawings", "group_medium": "painting"},
    )

    first.refresh_from_db()
    assert first.status == Report.Status.ACCEPTED
    assert first.decisions.get().groups == {"medium": "painting"}
    assert answer.url == case_of(second)


def test_after_the_last_one_ravi_is_back_at_the_queue(client, ravi, queued) -> None:
    client.force_login(ravi)
    answer = client.post(case_of(queued()), {"outcome": "rejected", "reason_rejected": "Is not."})

    assert answer.url == reverse("triage")


def test_a_rejection_needs_a_reason(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()

    page = client.post(case_of(report), {"outcome": "rejected", "reason_rejected": " "})

    report.refresh_from_db()
    assert page.status_code == 422
    assert "needs a reason" in page.content.decode()
    assert report.status == Report.Status.QUEUED


def test_rosa_reads_the_reason_that_ravi_chose_and_his_line(client, ravi, queued) -> None:
    client.force_login(ravi)
    report = queued()
    assert "It cannot be told from the picture" in client.get(case_of(report)).content.decode()

    client.post(
        case_of(report),
        {"outcome": "rejected", "because": "cannot-tell", "reason_rejected": "It is too dark."},
    )

    told = client.get(reverse("receipt", args=[report.receipt])).content.decode()
    assert "From the picture alone it cannot be told" in told
    assert "It is too dark." in told
    assert "It cannot be told from the picture." in client.get(case_of(report)).content.decode()


def test_the_second_decider_reads_who_was_first(client, ravi, mona, queued) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    client.force_login(mona)

    page = client.post(case_of(report), {"outcome": "rejected", "reason_rejected": "No."})

    assert page.status_code == 409
    assert "by ravi" in page.content.decode()


@pytest.mark.parametrize("kept", [False, True])
def test_ravi_is_told_beforehand_what_is_deleted(client, ravi, queued, settings, kept) -> None:
    settings.COLLECT_MISSES = kept
    client.force_login(ravi)
    assert ("is deleted at once" in client.get(case_of(queued())).content.decode()) is not kept


def doubted(report, retrain, **changes):
    """Write the list that a retrain leaves, with a doubt about this report's example."""
    line = {
        "rank": 1,
        "sha256": report.examples.get().image.name,
        "label": "drawings",
        "groups": {"medium": "vector"},
        "suggested": "neutral",
        "given_probability": 0.03,
        "suggested_probability": 0.94,
        "is_issue": True,
        **changes,
    }
    cell = {"images": 40, "doubtful": 1, "suggested": {"neutral": 1}}
    counts = {
        "labels": {"drawings": cell},
        "groups": {"medium": {"vector": cell}},
        "left_out": {"sexy": "Sexy has too few."},
    }
    retrain.folder.mkdir(parents=True)
    (retrain.folder / "doubts.jsonl").write_text(json.dumps(line) + "\n")
    (retrain.folder / "doubts.json").write_text(json.dumps(counts))


@pytest.fixture
def folded(queued, ravi, mona):
    """A report that a retrain learnt from."""
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish([]), images=0)
    retrain = retrains.propose(by=mona)
    retrains.approve(retrain=retrain, by=mona)
    report.refresh_from_db()
    return report, retrain


def test_before_the_first_retrain_there_is_no_list_of_doubts(client, ravi) -> None:
    client.force_login(ravi)
    text = client.get(reverse("doubtful-labels")).content.decode()
    assert "No retrain has looked at its labels yet" in text


def test_ravi_sees_which_labels_the_other_images_speak_against(client, ravi, folded) -> None:
    report, retrain = folded
    doubted(report, retrain)
    client.force_login(ravi)

    text = client.get(reverse("doubtful-labels")).content.decode()

    assert case_of(report) in text
    assert "Sexy has too few." in text
    assert "the other images say <strong>neutral</strong>" in text
    assert "?clear" not in text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ({"label": "drawings"}, True),
        ({"label": "neutral"}, False),
        ({"axis": "medium", "value": "vector"}, True),
        ({"axis": "medium", "value": "photograph"}, False),
    ],
)
def test_the_list_of_doubts_is_narrowed_by_label_and_group(
    client, ravi, folded, query, there
) -> None:
    report, retrain = folded
    doubted(report, retrain)
    client.force_login(ravi)
    text = client.get(reverse("doubtful-labels"), query).content.decode()
    assert (case_of(report) in text) is there


def test_a_label_that_is_not_doubtful_is_not_listed(client, ravi, folded) -> None:
    report, retrain = folded
    doubted(report, retrain, is_issue=False)
    client.force_login(ravi)
    assert case_of(report) not in client.get(reverse("doubtful-labels")).content.decode()


def test_ravi_takes_a_decision_back_and_decides_again(client, ravi, folded) -> None:
    report, retrain = folded
    doubted(report, retrain)
    client.force_login(ravi)

    client.post(reverse("reopen", args=[report.pk]))

    assert case_of(report) not in client.get(reverse("doubtful-labels")).content.decode()
    page = client.get(case_of(report)).content.decode()
    assert "Taken back" in page
    client.post(case_of(report), {"outcome": "accepted", "label": "neutral"})
    report.refresh_from_db()
    assert (report.status, report.decision.label) == ("accepted", "neutral")


def test_stranger_cannot_take_a_decision_back(client, sam, folded) -> None:
    report, _ = folded
    client.force_login(sam)
    assert client.post(reverse("reopen", args=[report.pk])).status_code == 403
    assert client.get(reverse("doubtful-labels")).status_code == 403


def test_a_queued_report_has_no_decision_to_take_back(client, ravi, queued) -> None:
    report = queued()
    client.force_login(ravi)
    page = client.post(reverse("reopen", args=[report.pk]))
    assert page.status_code == 409
    assert "A decision can be taken back while the report is accepted." in page.content.decode()


def test_an_appeal_is_for_somebody_else_to_decide(client, queued, ravi, mona) -> None:
    report, other = queued(1), queued(2)
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    reports.appeal(report=report, words="It is drawn with a pencil.")
    client.force_login(ravi)

    assert list(queries.triage.open_cases(ravi)) == [other]
    page = client.get(reverse("case", args=[report.pk])).content.decode()
    assert "decided by somebody who did not decide the report before" in page
    answer = client.post(reverse("case", args=[report.pk]), {"outcome": "accepted"})
    assert answer.status_code == 409
    assert "who declined it" in answer.content.decode()

    client.force_login(mona)
    assert (
        "It is drawn with a pencil."
        in client.get(reverse("case", args=[report.pk])).content.decode()
    )
    client.post(reverse("case", args=[report.pk]), {"outcome": "accepted", "label": "drawings"})
    report.refresh_from_db()
    assert report.status == "accepted"
    outcomes = LedgerEntry.objects.filter(kind="report").order_by("number")
    assert [one.facts["outcome"] for one in outcomes] == ["rejected", "appealed", "accepted"]


def test_where_nobody_else_reviews_the_same_person_decides(client, queued, ravi) -> None:
    report = queued(1)
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    reports.appeal(report=report, words="It is drawn with a pencil.")

    assert list(queries.triage.open_cases(ravi)) == [report]
    triage.decide(report=report, outcome="accepted", by=ravi)
    assert report.status == "accepted"


def test_two_reviewers_never_get_the_same_case(client, queued, ravi, mona) -> None:
    first, second = queued(1), queued(2)
    client.force_login(ravi)
    assert client.post(reverse("claim")).url == case_of(first)
    client.force_login(mona)

    assert client.post(reverse("claim")).url == case_of(second)
    assert list(queries.triage.open_cases(mona)) == [second]
    assert "has this case in hand" in client.get(case_of(first)).content.decode()
    answer = client.post(case_of(first), {"outcome": "accepted", "label": "drawings"})
    assert answer.status_code == 409
    assert "which ravi opened" in answer.content.decode()
    first.refresh_from_db()
    assert first.status == "queued"


def test_a_claim_expires(client, queued, ravi, mona) -> None:
    report = queued(1)
    triage.claim_next(by=ravi)
    Report.objects.update(claimed_until=timezone.now() - datetime.timedelta(seconds=1))
    client.force_login(mona)

    assert client.post(reverse("claim")).url == case_of(report)
    client.post(case_of(report), {"outcome": "accepted", "label": "drawings"})
    report.refresh_from_db()
    assert (report.status, report.claimed_by) == ("accepted", None)


def test_a_skipped_case_is_left_to_others(client, queued, ravi, mona) -> None:
    first, second = queued(1), queued(2)
    client.force_login(ravi)
    client.post(reverse("claim"))

    assert client.post(reverse("skip", args=[first.pk])).url == case_of(second)
    assert triage.claim_next(by=mona) == first
    assert client.post(reverse("skip", args=[second.pk])).url == reverse("triage")


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


def test_near_duplicates_are_ticked_where_they_say_the_same_of_nothing_else(
    client, ravi, queued, alike, settings
) -> None:
    first, agrees, more = alike
    settings.COLLECT_MISSES = True
    differs, other = queued(1, expected_label="sexy"), queued(2)
    client.force_login(ravi)
    page = client.get(case_of(first)).content.decode()

    ticks = {one.pk: page.partition(tick_of(one))[2].partition(">")[0] for one in alike[1:]}
    assert "checked" in ticks[agrees.pk]
    assert "checked" not in ticks[more.pk]
    assert "1 other picture<" in page
    assert tick_of(differs) in page
    assert "checked" not in page.partition(tick_of(differs))[2].partition(">")[0]
    assert tick_of(other) not in page
    assert "?clear" not in page


def test_ravi_decides_near_duplicates_together_and_is_told_what_was_refused(
    client, ravi, alike
) -> None:
    first, agrees, more = alike
    reports.withdraw(report=more)
    client.force_login(ravi)
    answer = client.post(
        case_of(first),
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
    page = client.post(case_of(first), {"outcome": "rejected", "also": [more.pk]}).content.decode()
    assert "checked" in page.partition(tick_of(more))[2].partition(">")[0]
    assert "checked" not in page.partition(tick_of(agrees))[2].partition(">")[0]


def test_a_flood_of_one_picture_is_shown_in_part(client, ravi, queued) -> None:
    flood = [queued(1) for _ in range(12)]
    client.force_login(ravi)
    page = client.get(case_of(flood[0])).content.decode()
    assert page.count('name="also"') == 9
    assert "2 more come" in page
