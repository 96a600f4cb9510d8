import pytest
from django.utils import timezone

from feedback.models import Audit, AuditSet, ModelVersion
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import FIGURES, answers, audit_with_findings


@pytest.fixture
def audit(champion, axes):
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256="e" * 64, images=240, card="OpenMoji, CC BY-SA 4.0"
    )
    return Audit.objects.create(
        model=champion,
        audit_set=audit_set,
        status="done",
        figures=FIGURES,
        finished_at=timezone.now(),
    )


@pytest.fixture
def two_models(champion, axes):
    """The champion, and a candidate that is better on drawings; both audited."""
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    for model, predicted in (
        (champion, answers(100, alarms=40)),
        (candidate, answers(20, alarms=10)),
    ):
        finished_audit(model, audit_set, predicted)
    return champion, candidate


@pytest.fixture
def audit_and_findings(champion, axes, settings) -> Audit:
    return audit_with_findings(champion, settings)
