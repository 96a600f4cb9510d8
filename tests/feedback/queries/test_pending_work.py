"""What is due according to the database. Work that has just been sent is not sent again."""

import datetime

import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import Audit, AuditSet, ModelVersion, Occlusion, Report
from feedback.queries.pending_work import OVERDUE
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db
LONG_AGO = OVERDUE + datetime.timedelta(seconds=1)


def test_a_report_is_screened_again_once_its_task_may_be_lost(filed, queued) -> None:
    new, lost, screened = filed(1), filed(2), queued(3)
    overdue = [lost.pk, screened.pk]
    Report.objects.filter(pk__in=overdue).update(created_at=timezone.now() - LONG_AGO)
    assert new.status == "received"
    assert queries.pending_work.reports_to_screen() == [lost.pk]


def test_a_waiting_audit_is_due_at_once(champion) -> None:
    audit_set = AuditSet.objects.create(name="set", manifest_sha256="e" * 64, images=264)
    audit = Audit.objects.create(model=champion, audit_set=audit_set)
    assert queries.pending_work.audits_to_run() == [audit.pk]


def test_a_finished_audit_is_counted_again_if_its_figures_are_of_before(champion) -> None:
    audit_set = AuditSet.objects.create(name="set", manifest_sha256="e" * 64, images=264)
    audit = finished_audit(champion, audit_set, answers(20))
    assert queries.pending_work.audits_to_run() == []
    assert queries.pending_work.audits_to_recount() == []
    audit.figures.pop("headlines")
    audit.save()
    assert queries.pending_work.audits_to_recount() == [audit.pk]
    audit.predictions.unlink()
    assert queries.pending_work.audits_to_recount() == []


def test_an_occlusion_goes_on_once_no_worker_touches_it(judged, champion) -> None:
    other = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    image = judged(1).image
    fields = {"image": image, "rows": 5, "touched_at": timezone.now() - LONG_AGO}
    stalled = Occlusion.objects.create(model=champion, **fields)
    touched = {"touched_at": timezone.now()}
    Occlusion.objects.create(model=other, **fields | touched)
    assert queries.pending_work.occlusions_to_resume() == [stalled.pk]
    Occlusion.objects.filter(pk=stalled.pk).update(failure="The image was deleted.")
    assert queries.pending_work.occlusions_to_resume() == []


def test_nothing_is_due_on_a_new_site() -> None:
    assert not queries.pending_work.has_reports_to_answer()
    assert not queries.pending_work.emails_to_send()
    assert queries.pending_work.retrains_to_run() == []
    assert queries.pending_work.findings_to_run() == []
