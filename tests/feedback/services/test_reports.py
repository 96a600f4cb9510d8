import datetime
import re

import pytest
from django.db.models import CharField, F, TextField
from django.utils import timezone

from feedback.errors import Gone, Invalid, WrongState
from feedback.models import (
    Axis,
    AxisValue,
    BrowserScore,
    Classification,
    DatasetVersion,
    Decision,
    EmailAddress,
    Example,
    Golden,
    LedgerEntry,
    Report,
    StoredImage,
)
from feedback.models.axis import SLICE
from feedback.services import blocklist, bursts, golden, reports, triage
from feedback.services.browser_scores import BrowserAnswer
from feedback.services.counterparts import Pair
from tests.cast import DARK, LIGHT, SCORES

pytestmark = pytest.mark.django_db


def test_a_report_attaches_the_image_and_keeps_the_answer(filed):
    report = filed()
    example = report.examples.get()
    assert example.reported_score.label == "neutral"
    assert example.image.file.storage.exists(example.image.file.name)
    assert not Classification.objects.filter(image=example.image).exists()


def test_without_consent_to_keep_only_scores_and_hash_stay(filed):
    report = filed(consent_store=False, consent_train=False)
    example = report.examples.get()
    assert example.image is None
    assert len(example.image_sha256) == 64
    assert not StoredImage.objects.exists()


def test_an_image_reported_as_explicit_is_not_kept(filed):
    report = filed(expected_label="porn")
    assert report.examples.get().image is None
    assert not StoredImage.objects.exists()


def test_an_operator_may_collect_misses(filed, settings):
    settings.COLLECT_MISSES = True
    assert filed(expected_label="porn").examples.get().image is not None


def test_training_needs_consent_to_keep(filed):
    with pytest.raises(Invalid, match="may be kept"):
        filed(consent_store=False, consent_train=True)
    assert not Report.objects.exists()


def test_the_label_of_the_model_is_not_a_mistake(filed):
    with pytest.raises(Invalid, match="another label"):
        filed(expected_label="neutral")


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_label": "cats"},
        {"groups": {"star_sign": "leo"}},
        {"groups": {"medium": "marble"}},
    ],
)
def test_unknown_labels_and_groups_are_refused_with_the_known_ones(filed, changes):
    with pytest.raises(Invalid, match="must be one of"):
        filed(**changes)
    assert not Report.objects.exists()


def test_an_image_is_attached_to_one_report_only(filed, judged):
    classification = judged()
    filed(classifications=[classification])
    with pytest.raises(Gone):
        filed(classifications=[Classification.objects.get(pk=classification.pk)])
    assert Report.objects.count() == 1


def test_an_image_that_was_attached_meanwhile_cannot_be_reported_again(filed, judged):
    classification = judged()
    stale = Classification.objects.get(pk=classification.pk)
    filed(classifications=[classification])
    with pytest.raises(Gone):
        filed(classifications=[stale])
    assert Example.objects.count() == 1


def test_a_report_may_have_counts_instead_of_images(filed):
    assert filed(classifications=[], evidence={"images": 7}).examples.count() == 0


def test_no_reporter_states_a_slice_that_a_maintainer_named(filed):
    axis = Axis.objects.create(name=SLICE, title="Named slice")
    AxisValue.objects.create(axis=axis, name="flags", title="Flags")
    with pytest.raises(Invalid, match="axis must be one of"):
        filed(groups={SLICE: "flags"})


def test_a_deleted_image_cannot_be_reported(filed, judged):
    with pytest.raises(Gone):
        filed(classifications=[judged(pixels=False)])
    assert not Report.objects.exists()


def test_an_unanswered_classification_cannot_be_reported(filed):
    with pytest.raises(Invalid, match="without an answer"):
        filed(classifications=[Classification.objects.create()])


def test_screening_queues_a_report_once(filed):
    report = filed()
    reports.screen(pk=report.pk)
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED
    assert [event.status for event in report.events.all()] == ["received", "screening", "queued"]


def test_screening_resumes_where_a_lost_worker_stopped(filed):
    report = filed()
    Report.objects.filter(pk=report.pk).update(status=Report.Status.SCREENING)
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.QUEUED


def test_a_blocked_image_is_escalated_before_anyone_sees_it(filed):
    report = filed()
    image = report.examples.get().image
    blocklist.block(images=[image], source="a test")
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert report.status == Report.Status.ESCALATED


def test_withdrawing_erases_images_and_text(queued, ravi, django_capture_on_commit_callbacks):
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    image = report.examples.get().image
    with django_capture_on_commit_callbacks(execute=True):
        reports.withdraw(report=report)
    report.refresh_from_db()
    assert report.status == Report.Status.WITHDRAWN
    assert report.description == ""
    assert (report.groups, report.decisions.get().groups) == ({}, {})
    assert not image.file.storage.exists(image.file.name)
    assert not Example.objects.exists()


def test_every_text_field_of_a_withdrawn_report_is_emptied(queued):
    report = queued()
    stays = {"receipt", "status", "kind", "expected_label", "idempotency_key"}
    words = [
        field.name
        for field in Report._meta.concrete_fields
        if isinstance(field, CharField | TextField) and field.name not in stays
    ]
    Report.objects.update(**dict.fromkeys(words, "aa"))
    reports.withdraw(report=report)
    stored = Report.objects.values().get()
    assert [name for name in words if stored[name]] == []


def test_an_interrupted_withdrawal_can_be_repeated(queued, monkeypatch):
    report = queued()
    monkeypatch.setattr("feedback.services.images.delete_image", lambda image: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reports.withdraw(report=report)
    monkeypatch.undo()
    reports.withdraw(report=Report.objects.get(pk=report.pk))
    assert not Example.objects.exists()
    assert not StoredImage.objects.exists()


def test_a_report_without_consent_does_not_delete_the_image_of_another(filed, judged):
    classification = judged()
    late = Classification.objects.select_related("image").get(pk=classification.pk)
    filed(classifications=[classification])
    filed(classifications=[late], consent_store=False, consent_train=False)
    assert [example.image is not None for example in Example.objects.order_by("pk")] == [
        True,
        False,
    ]


def test_a_report_is_withdrawn_once(queued):
    report = queued()
    reports.withdraw(report=report)
    with pytest.raises(WrongState):
        reports.withdraw(report=report)


def test_an_escalated_report_cannot_be_withdrawn(queued):
    report = queued()
    Report.objects.update(status=Report.Status.ESCALATED, description=F("description"))
    with pytest.raises(WrongState):
        reports.withdraw(report=report)
    assert StoredImage.objects.exists()


def history(report: Report) -> list[str]:
    return [event.status for event in report.events.all()]


def recorded_outcomes() -> list[str]:
    entries = LedgerEntry.objects.filter(kind="report").order_by("number")
    return [entry.facts["outcome"] for entry in entries]


def test_a_report_keeps_what_rosa_wrote(filed):
    report = filed(
        subject="  Hands \n of  people ",
        evidence={"images": 7},
        source="a network",
        idempotency_key="k1",
        request_sha256="d" * 64,
    )
    report.refresh_from_db()
    assert (report.kind, report.expected_label) == ("misclassified", "drawings")
    assert (report.groups, report.subject) == ({"medium": "vector"}, "Hands of people")
    assert (report.description, report.evidence) == ("It is a drawing.", {"images": 7})
    assert (report.consent_store, report.consent_train) == (True, True)
    assert (report.source, report.idempotency_key) == ("a network", "k1")
    assert (report.request_sha256, report.status) == ("d" * 64, "received")
    assert history(report) == ["received"]


def test_a_subject_has_at_most_120_characters(filed):
    assert filed(1, subject="x" * 120).subject == "x" * 120
    with pytest.raises(Invalid, match="A subject is said in 0 to 120 characters"):
        filed(2, subject="x" * 121)


def test_a_description_has_at_most_2000_characters(filed):
    with pytest.raises(Invalid, match="What is wrong is said in 0 to 2,000 characters"):
        filed(description="x" * 2001)


def test_an_example_keeps_the_answer_of_the_champion(filed, champion):
    example = filed().examples.get()
    score = example.reported_score
    assert (score.model, score.label, score.scores) == (champion, "neutral", SCORES)
    assert (example.groups, example.counterpart_of) == ({}, None)
    assert example.image_sha256 == example.image.sha256


def test_single_images_come_before_pairs_and_keep_their_order(filed, judged):
    single, wrong, counterpart = (judged(seed) for seed in (1, 2, 3))
    report = filed(
        kind="unfair", classifications=[single], pairs=[Pair(wrong, counterpart, (DARK, LIGHT))]
    )
    first, second, third = report.examples.order_by("position")
    assert [example.position for example in (first, second, third)] == [0, 1, 2]
    assert [example.image for example in (first, second, third)] == [
        classification.image for classification in (single, wrong, counterpart)
    ]
    assert [example.groups for example in (first, second, third)] == [{}, DARK, LIGHT]
    assert [example.counterpart_of for example in (first, second, third)] == [None, None, second]


def test_pairs_without_consent_are_reported_without_pixels(filed, judged):
    pair = Pair(judged(2), judged(3), (DARK, LIGHT))
    report = filed(
        kind="unfair",
        classifications=[],
        pairs=[pair],
        consent_store=False,
        consent_train=False,
    )
    assert [example.image for example in report.examples.all()] == [None, None]
    assert not StoredImage.objects.filter(
        sha256__in=[classification.image.sha256 for classification in pair]
    )


def test_pairs_have_known_groups_and_belong_to_reports_of_unfairness(filed, judged):
    unknown = Pair(judged(2), judged(3), ({"medium": "marble"}, {"medium": "vector"}))
    with pytest.raises(Invalid, match="must be one of"):
        filed(kind="unfair", classifications=[], pairs=[unknown])
    with pytest.raises(Invalid, match="unfair to a group"):
        filed(classifications=[], pairs=[Pair(judged(4), judged(5), (DARK, LIGHT))])
    with pytest.raises(Invalid, match="gets the first image wrong"):
        filed(
            kind="unfair",
            expected_label="neutral",
            classifications=[],
            pairs=[Pair(judged(6), judged(7), (DARK, LIGHT))],
        )
    assert not Report.objects.exists()


def test_answers_of_rosas_browser_are_stored_beside_the_servers(filed, judged, champion):
    answer = BrowserAnswer(champion, BrowserScore.Graph.INT8, {**SCORES, "neutral": 0.8})
    report = filed(classifications=[judged(1), judged(2)], browser_answers=[None, answer])
    assert BrowserScore.objects.get().example == report.examples.get(position=1)


def test_one_of_several_images_may_have_the_expected_label(filed, judged):
    report = filed(classifications=[judged(1), judged(2, label="drawings")])
    assert report.examples.count() == 2
    with pytest.raises(Invalid, match="another label"):
        filed(classifications=[judged(3, label="drawings"), judged(4, label="drawings")])


def test_a_report_of_unfairness_may_be_about_images_with_the_right_label(filed):
    assert filed(kind="unfair", expected_label="neutral").examples.count() == 1


def test_attaching_an_image_leaves_other_classifications_alone(filed, judged):
    other = judged(2)
    filed(1)
    other.refresh_from_db()
    assert other.image is not None


def test_a_move_changes_one_report_and_only_from_the_named_statuses(queued, ravi):
    report, other = queued(1), queued(2)
    assert not reports.move(
        report=report, sources=[Report.Status.RECEIVED], status=Report.Status.SCREENING
    )
    assert history(report) == ["received", "screening", "queued"]
    assert reports.move(
        report=report,
        sources=[Report.Status.QUEUED],
        status=Report.Status.REJECTED,
        by=ravi,
        note="No.",
    )
    assert report.status == "rejected"
    event = report.events.last()
    assert (event.status, event.by, event.note) == ("rejected", ravi, "No.")
    other.refresh_from_db()
    assert (other.status, history(other)) == ("queued", ["received", "screening", "queued"])


@pytest.mark.parametrize(
    "status", sorted(set(Report.Status.values) - {"received", "screening", "golden"})
)
def test_screening_leaves_a_report_that_is_past_it_alone(filed, status):
    report = filed()
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="e" * 64, images=0)
    Report.objects.update(status=status, folded_into=dataset)
    reports.screen(pk=report.pk)
    assert report.examples.get().image.cluster is None
    blocklist.block(images=[report.examples.get().image], source="a test")
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert (report.status, history(report)) == (status, ["received"])


def test_a_report_that_is_queued_is_counted_in_bursts_and_may_be_followed_by_a_golden_copy(
    filed, monkeypatch
):
    report = filed()
    calls = []
    monkeypatch.setattr(bursts, "quarantine_if_burst", calls.append)
    monkeypatch.setattr(golden, "maybe_queue_copy", lambda: calls.append("golden copy"))
    reports.screen(pk=report.pk)
    reports.screen(pk=report.pk)
    assert calls == [report, "golden copy"]


def test_screening_finds_the_near_duplicates_of_the_reports_own_images(filed):
    screened, other = filed(1), filed(2)
    reports.screen(pk=screened.pk)
    assert screened.examples.get().image.cluster is not None
    assert other.examples.get().image.cluster is None


def test_an_image_is_escalated_for_itself_and_not_for_others(filed):
    blocked, innocent = filed(1), filed(2)
    blocklist.block(images=[blocked.examples.get().image], source="a test")
    reports.screen(pk=innocent.pk)
    innocent.refresh_from_db()
    assert innocent.status == "queued"
    assert recorded_outcomes() == []

    reports.screen(pk=blocked.pk)
    blocked.refresh_from_db()
    assert blocked.status == "escalated"
    assert history(blocked) == ["received", "screening", "escalated"]
    assert blocked.events.last().note == "An image matched the blocklist."
    assert recorded_outcomes() == ["escalated"]


@pytest.mark.parametrize("match", [True, False])
def test_a_report_that_is_withdrawn_while_it_is_screened_stays_withdrawn(filed, monkeypatch, match):
    report = filed()
    copies = []

    def withdraw_meanwhile(images):
        reports.withdraw(report=Report.objects.get(pk=report.pk))
        return match

    monkeypatch.setattr(blocklist, "matches", withdraw_meanwhile)
    monkeypatch.setattr(golden, "maybe_queue_copy", lambda: copies.append("queued"))
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    assert (report.status, recorded_outcomes()) == ("withdrawn", ["withdrawn"])
    assert copies == []


def rejected(report: Report, by) -> Report:
    triage.decide(report=report, outcome="rejected", by=by, reason="It is a photograph.")
    report.refresh_from_db()
    return report


def test_an_appeal_queues_the_report_again_and_takes_the_decision_back(queued, ravi, mona):
    report, other = rejected(queued(1), ravi), rejected(queued(2), ravi)
    golden.mark(report=report, by=mona)
    golden.mark(report=other, by=mona)
    reports.appeal(report=report, words="  Look at the lines. ")
    report.refresh_from_db()
    assert (report.status, report.appeal) == ("queued", "Look at the lines.")
    assert abs(timezone.now() - report.appealed_at) < datetime.timedelta(minutes=1)
    assert history(report)[-3:] == ["rejected", "appealed", "queued"]
    assert report.decisions.get().taken_back_at
    assert recorded_outcomes() == ["rejected", "rejected", "appealed"]
    assert Golden.objects.get().report == other

    other.refresh_from_db()
    assert (other.status, other.appeal, other.appealed_at) == ("rejected", "", None)
    assert other.decisions.get().taken_back_at is None


def test_an_appeal_leaves_the_time_of_an_earlier_change_of_mind(queued, ravi):
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    triage.reopen(report=report, by=ravi)
    earlier = timezone.now() - datetime.timedelta(days=3)
    Decision.objects.update(taken_back_at=earlier)
    reports.appeal(report=rejected(report, ravi), words="Look again.")
    accepted, refused = report.decisions.all()
    assert accepted.taken_back_at == earlier
    assert refused.taken_back_at > earlier


def test_a_report_is_appealed_once_and_only_while_it_is_rejected(queued, ravi):
    report = queued()
    with pytest.raises(WrongState, match="appealed once"):
        reports.appeal(report=report, words="Look again.")
    reports.appeal(report=rejected(report, ravi), words="Look again.")
    stale = Report.objects.get()
    rejected(report, ravi)
    with pytest.raises(WrongState, match=r"a report that is rejected, appealed on \d{4}"):
        reports.appeal(report=stale, words="And again.")
    report.refresh_from_db()
    assert (report.status, report.appeal) == ("rejected", "Look again.")


def address_of(report: Report) -> EmailAddress:
    return EmailAddress.objects.create(
        report=report, address="rosa@example.org", site="https://speakup.example"
    )


def test_a_new_receipt_replaces_the_old_one_and_forgets_the_address(queued):
    report, other = queued(1), queued(2)
    old, others_receipt = report.receipt, other.receipt
    address_of(report)
    others_address = address_of(other)
    renewed = reports.renew_receipt(report=report)
    report.refresh_from_db()
    assert renewed.receipt == report.receipt != old
    assert list(EmailAddress.objects.all()) == [others_address]
    other.refresh_from_db()
    assert other.receipt == others_receipt


@pytest.mark.parametrize("status", ["received", "screening", "queued", "rejected", "accepted"])
def test_a_report_can_be_withdrawn_whatever_was_decided(filed, status):
    report = filed()
    Report.objects.update(status=status)
    reports.withdraw(report=report)
    report.refresh_from_db()
    assert report.status == "withdrawn"
    assert recorded_outcomes() == ["withdrawn"]
    assert report.ledger_key == ""


def test_withdrawing_one_report_leaves_the_others(queued):
    report, other = queued(1), queued(2)
    reports.withdraw(report=report)
    other.refresh_from_db()
    assert (other.status, other.description) == ("queued", "It is a drawing.")
    assert other.examples.get().image


def test_old_sources_are_replaced_by_random_ones_that_still_tell_who_came_together(
    queued, settings
):
    settings.SOURCE_DAYS = 7
    places = ["one network", "one network", "another network", "", "forgotten f00d", "one network"]
    filed_reports = [queued(seed, source=source) for seed, source in enumerate(places)]
    *old, young = filed_reports
    for report, days in [*((report, 8) for report in old), (young, 6)]:
        when = timezone.now() - datetime.timedelta(days=days)
        Report.objects.filter(pk=report.pk).update(created_at=when)

    reports.anonymise_sources()

    first, second, third, nowhere, before, recent = (
        Report.objects.get(pk=report.pk).source for report in filed_reports
    )
    assert re.fullmatch("forgotten [0-9a-f]{32}", first)
    assert re.fullmatch("forgotten [0-9a-f]{32}", third)
    assert first == second != third
    assert (nowhere, before, recent) == ("", "forgotten f00d", "one network")
