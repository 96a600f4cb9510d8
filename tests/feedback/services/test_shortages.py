"""What an audit set is too small to show, from a finished audit of the model in service."""

import pytest

from feedback.errors import ArtifactMissing, Invalid
from feedback.models import AuditSet
from feedback.services import shortages
from tests.cast import finished_audit
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit(champion, axes):
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    return finished_audit(champion, audit_set, answers(30, alarms=12))


def test_the_figures_are_those_of_the_audits_images(audit) -> None:
    result = shortages.shortage_figures(audit)
    (everything,) = [group for group in result["groups"] if group["axis"] == "overall"]
    assert everything["n"] == 264
    assert {cell["rise"] for cell in result["cells"]} == {0.1}
    assert {cell["rise"] for cell in shortages.shortage_figures(audit, rise=0.05)["cells"]} == {
        0.05
    }


def test_the_figures_are_kept(audit) -> None:
    first = shortages.shortage_figures(audit)
    audit.predictions.unlink()
    assert shortages.shortage_figures(audit) == first
    with pytest.raises(ArtifactMissing, match="Let the model be audited again"):
        shortages.shortage_figures(audit, rise=0.05)


@pytest.mark.parametrize("rise", [0.0, 1.1, float("nan")])
def test_a_rise_is_a_share(audit, rise) -> None:
    with pytest.raises(Invalid, match="above 0 and at most 1"):
        shortages.shortage_figures(audit, rise=rise)
