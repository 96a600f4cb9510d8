"""What maintainers start is enqueued after the service has agreed to it."""

import pytest

from feedback.errors import WrongState
from feedback.models import DatasetVersion, Retrain
from nsfwsite.intake import maintaining

pytestmark = pytest.mark.django_db


@pytest.fixture
def tasks(monkeypatch) -> list:
    """What would be enqueued, in order."""
    calls = []
    monkeypatch.setattr(maintaining, "enqueue", lambda delay, *arguments: calls.append(arguments))
    return calls


@pytest.fixture
def proposed(champion, mona) -> Retrain:
    dataset = DatasetVersion.objects.create(number=2, manifest_sha256="2" * 64, images=9, added=1)
    return Retrain.objects.create(
        status="proposed", base=champion, dataset=dataset, config="head", proposed_by=mona
    )


def test_an_approved_retrain_is_enqueued(proposed, mona, tasks) -> None:
    maintaining.approve(retrain=proposed, by=mona)
    assert Retrain.objects.get().status == "approved"
    assert tasks == [(proposed.pk,)]


def test_a_refused_approval_enqueues_nothing(proposed, mona, tasks) -> None:
    Retrain.objects.update(status="cancelled")
    with pytest.raises(WrongState):
        maintaining.approve(retrain=proposed, by=mona)
    assert tasks == []


def test_a_refused_promotion_enqueues_nothing(proposed, mona, tasks) -> None:
    with pytest.raises(WrongState):
        maintaining.promote(retrain=proposed, by=mona)
    assert tasks == []


def test_a_refused_rollback_enqueues_nothing(champion, mona, tasks) -> None:
    with pytest.raises(WrongState):
        maintaining.roll_back(model=champion, by=mona, reason="It is worse.")
    assert tasks == []
