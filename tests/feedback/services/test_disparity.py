"""How far groups are from each other, from a finished audit."""

import pytest

from feedback.errors import ArtifactMissing, Invalid
from feedback.models import AuditSet
from feedback.services import disparity
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db

USE = {"axis": "skin_tone", "measure": "error"}


@pytest.fixture
def audit(champion, axes):
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    return finished_audit(champion, audit_set, answers(30, alarms=12))


def test_the_figures_are_those_of_the_audits_answers(audit) -> None:
    dark, light = disparity.group_comparison(audit, **USE)["groups"]
    assert (dark["group"], dark["n"], dark["rest"]) == ("dark", 100, 100)
    assert (dark["rate"], dark["rest_rate"]) == pytest.approx((0.15, 0.15))
    assert light["difference"] == pytest.approx(0)
    alarms = disparity.group_comparison(audit, **USE | {"measure": "false_alarm"})["groups"]
    assert alarms[0]["rate"] == pytest.approx(0.06)


def test_the_figures_are_kept(audit) -> None:
    first = disparity.group_comparison(audit, **USE)
    audit.predictions.unlink()
    assert disparity.group_comparison(audit, **USE) == first
    with pytest.raises(ArtifactMissing, match="let this one be audited again"):
        disparity.group_comparison(audit, axis="medium", measure="error")


def test_slices_are_not_compared_because_their_mistakes_chose_them(audit) -> None:
    audit.figures["groups"]["slice"] = audit.figures["groups"]["medium"]
    assert disparity.axes_of(audit) == ["skin_tone", "medium"]
    with pytest.raises(Invalid, match="Choose one of these: skin_tone, medium"):
        disparity.group_comparison(audit, axis="slice", measure="error")
