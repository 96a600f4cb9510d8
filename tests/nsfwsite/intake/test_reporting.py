"""A report is filed whole or not at all; a withdrawal is not held up by what is left to erase."""

import pytest

from feedback.errors import Invalid, KeyReused
from feedback.models import Classification, Report
from feedback.services import erasure
from nsfwsite.intake import reporting
from tests.cast import upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def tasks(monkeypatch) -> list:
    """What would be enqueued, in order."""
    calls = []
    monkeypatch.setattr(reporting, "enqueue", lambda delay, *arguments: calls.append(arguments))
    return calls


def fields(**changes) -> dict:
    return {
        "uploads": [],
        "kind": Report.Kind.MISCLASSIFIED,
        "expected_label": "drawings",
        "groups": {},
        "description": "It is a drawing.",
        "consent_store": True,
        "consent_train": True,
        **changes,
    }


def test_a_filed_report_goes_to_screening(judged, axes, tasks) -> None:
    report, is_new = reporting.file_report(classification=judged(), **fields())
    assert is_new
    assert tasks == [(report.pk,)]


def test_the_same_request_finds_its_report(judged, axes, tasks) -> None:
    key = {"idempotency_key": "k" * 64, "request_sha256": "1" * 64}
    report, _ = reporting.file_report(classification=judged(), **fields(), **key)
    again, is_new = reporting.file_report(classification=judged(2), **fields(), **key)
    assert (again, is_new) == (report, False)
    assert len(tasks) == 1


def test_a_key_belongs_to_one_request(judged, axes, tasks) -> None:
    key = {"idempotency_key": "k" * 64}
    reporting.file_report(classification=judged(), **fields(), **key, request_sha256="1" * 64)
    with pytest.raises(KeyReused):
        reporting.file_report(classification=judged(2), **fields(), **key, request_sha256="2" * 64)


@pytest.mark.parametrize("count", [0, 21])
def test_a_report_has_1_to_20_images(axes, tasks, count) -> None:
    uploads = [upload(seed) for seed in range(count)]
    with pytest.raises(Invalid, match="1 to 20 images"):
        reporting.file_report(classification=None, **fields(uploads=uploads))
    assert not Classification.objects.exists()


def test_a_wrong_field_is_refused_before_any_image_is_judged(axes, tasks, monkeypatch) -> None:
    monkeypatch.setattr(reporting, "classify", lambda **_: pytest.fail("It must not classify."))
    with pytest.raises(Invalid):
        reporting.file_report(
            classification=None, **fields(uploads=[upload()], expected_label="cats")
        )


def test_an_error_discards_every_classification(axes, tasks, judged, monkeypatch) -> None:
    monkeypatch.setattr(reporting, "classify", lambda upload: judged())
    monkeypatch.setattr(reporting.reports, "submit", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reporting.file_report(classification=None, **fields(uploads=[upload()]))
    assert not Classification.objects.exists()
    assert tasks == []


def test_a_withdrawal_holds_although_erasing_fails(queued, monkeypatch) -> None:
    def fail() -> None:
        raise OSError("no disk")

    monkeypatch.setattr(erasure, "erase_files", fail)
    report = queued()
    reporting.withdraw(report=report)
    report.refresh_from_db()
    assert report.status == Report.Status.WITHDRAWN
