"""Sara has the safety role. Pages of the safety role are tested in tests/nsfwsite."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from feedback import roles
from feedback.errors import Invalid, WrongState
from feedback.models import BlockedHash, LedgerEntry, Look, Report, StoredImage
from feedback.services import safety, triage
from tests.cast import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def sara(db) -> User:
    return account("sara", roles.SAFETY)


@pytest.fixture
def escalated(queued, ravi):
    def make(seed: int = 1) -> Report:
        report = queued(seed)
        triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
        return Report.objects.get(pk=report.pk)

    return make


ACTIONS = [
    lambda report, by: safety.block(report=report, by=by, source="A known series"),
    lambda report, by: safety.hand_back(report=report, by=by, note="It is a fox."),
    lambda report, by: safety.delete_images(report=report, by=by, note="Reported."),
]


@pytest.mark.parametrize("act", ACTIONS)
def test_only_the_safety_role_acts(escalated, mona, act) -> None:
    report = escalated()
    with pytest.raises(WrongState, match="people with the safety role"):
        act(report, mona)
    assert not Look.objects.exists()
    assert not BlockedHash.objects.exists()
    assert (Report.objects.get().status, StoredImage.objects.count()) == ("escalated", 1)


@pytest.mark.parametrize("act", ACTIONS)
def test_safety_acts_on_escalated_reports_alone(escalated, sara, act) -> None:
    report = escalated()
    Report.objects.update(status="queued")
    with pytest.raises(WrongState, match="while it is escalated"):
        act(report, sara)
    assert report.status == "queued"
    assert not Look.objects.exists()
    assert not BlockedHash.objects.exists()
    assert StoredImage.objects.count() == 1


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (lambda **report: safety.block(source=" ", **report), "Why an image is blocked"),
        (lambda **report: safety.hand_back(note=" ", **report), "Why it is handed back"),
        (lambda **report: safety.delete_images(note=" ", **report), "Why images are deleted"),
    ],
)
def test_each_action_needs_a_reason(escalated, sara, act, name) -> None:
    report = escalated()
    with pytest.raises(Invalid, match=f"{name} is said in 1 to"):
        act(report=report, by=sara)
    assert not Look.objects.exists()


def test_looks_say_who_saw_which_image_and_whether_the_report_was_escalated(
    escalated, queued, sara
) -> None:
    report, other = escalated(1), queued(2)
    safety.record_opening(report=report, by=sara)
    safety.record_view(example=report.examples.get(), by=sara)
    safety.record_view(example=other.examples.get(), by=sara)
    assert [
        (look.report, look.picture, look.by, look.what, look.note, look.escalated)
        for look in Look.objects.order_by("pk")
    ] == [
        (report.pk, None, sara, "opened", "", True),
        (report.pk, 1, sara, "saw", "", True),
        (other.pk, 1, sara, "saw", "", False),
    ]


def last_look() -> tuple:
    look = Look.objects.first()
    return look.report, look.picture, look.by, look.what, look.note, look.escalated


def test_blocking_takes_the_images_of_this_report_and_counts_them(
    escalated, sara, monkeypatch
) -> None:
    report, _ = escalated(1), escalated(2)
    blocked = []

    def block(*, images, source):
        blocked.extend(images)
        return 1, 0

    monkeypatch.setattr("feedback.services.blocklist.block", block)
    assert safety.block(report=report, by=sara, source="x" * 150) == (1, 0)
    assert blocked == [report.examples.get().image]
    assert last_look() == (report.pk, None, sara, "blocked", "x" * 150, True)
    with pytest.raises(Invalid, match="1 to 150 characters"):
        safety.block(report=report, by=sara, source="x" * 151)


def test_without_images_there_is_nothing_to_block(escalated, sara) -> None:
    report, _ = escalated(1), escalated(2)
    safety.delete_images(report=report, by=sara, note="Reported.")
    with pytest.raises(WrongState, match="which has none"):
        safety.block(report=report, by=sara, source="A known series")
    assert Look.objects.count() == 1


def test_a_report_that_is_handed_back_is_decided_as_if_for_the_first_time(
    escalated, sara, ravi
) -> None:
    report, other = escalated(1), escalated(2)
    safety.hand_back(report=report, by=sara, note=" It is a fox. ")
    report.refresh_from_db()
    assert report.status == "queued"
    assert report.decisions.get().taken_back_at
    event = report.events.last()
    assert (event.status, event.by, event.note) == ("queued", sara, "")
    assert last_look() == (report.pk, None, sara, "handed back", "It is a fox.", True)
    assert LedgerEntry.objects.latest("number").facts["outcome"] == "handed back"
    assert triage.decide(report=report, outcome="accepted", by=ravi).stands

    other.refresh_from_db()
    assert other.status == "escalated"
    assert other.decisions.get().taken_back_at is None


def test_handing_back_leaves_the_time_of_an_earlier_change_of_mind(escalated, sara) -> None:
    report = escalated()
    earlier = timezone.now() - timezone.timedelta(days=1)
    report.decisions.update(taken_back_at=earlier)
    safety.hand_back(report=report, by=sara, note="It is a fox.")
    assert report.decisions.get().taken_back_at == earlier


def test_deleting_takes_the_images_of_this_report_alone(escalated, sara) -> None:
    report, other = escalated(1), escalated(2)
    safety.delete_images(report=report, by=sara, note="Reported.")
    assert report.examples.get().image is None
    assert other.examples.get().image is not None
    assert Report.objects.get(pk=report.pk).status == "escalated"
    assert last_look() == (report.pk, None, sara, "deleted", "Reported.", True)
