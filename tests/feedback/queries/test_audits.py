"""The newest set decides, the newest model comes first, and only finished audits have figures."""

import pytest

from feedback import queries
from feedback.models import Audit, AuditSet, ModelVersion
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db


@pytest.fixture
def sets() -> tuple[AuditSet, AuditSet]:
    older = AuditSet.objects.create(name="older", manifest_sha256="d" * 64, images=264)
    return older, AuditSet.objects.create(name="newer", manifest_sha256="e" * 64, images=264)


def test_the_newest_set_decides_although_no_audit_on_it_is_finished(champion, sets) -> None:
    older, newer = sets
    finished = finished_audit(champion, older, answers(20))
    waiting = Audit.objects.create(model=champion, audit_set=newer)
    assert queries.audits.deciding_set() == newer
    assert queries.audits.audit_of(champion) == waiting
    assert queries.audits.finished_audit_of(champion) == finished
    assert queries.audits.audit_sets_used() == [older]
    assert queries.audits.finished_audit(champion, newer) is None
    assert queries.audits.finished_audit(champion, older) == finished


def test_finished_audits_of_a_set_are_the_newest_model_first(champion, sets) -> None:
    older, newer = sets
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain")
    for model in (champion, candidate):
        finished_audit(model, newer, answers(20))
    finished_audit(champion, older, answers(20))
    audits = queries.audits.finished_audits(newer)
    assert [audit.model for audit in audits] == [candidate, champion]
    assert queries.audits.finished_audits(None) == []


def test_a_site_without_audits_has_none(champion) -> None:
    assert queries.audits.deciding_set() is None
    assert queries.audits.finished_audit_of(champion) is None
    assert queries.audits.audit_sets_used() == []
    assert queries.audits.finding_of(None, "slices") is None
