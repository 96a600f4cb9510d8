"""What maintainers start is enqueued after the service has agreed to it."""

import pytest
from django.utils import timezone

from feedback.errors import VerdictOutdated, WrongState
from feedback.models import DatasetVersion, ModelVersion, Retrain
from nsfwsite.intake import maintaining
from tests.cast import premises, whole_artifact

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


@pytest.fixture
def outdated(proposed, champion) -> Retrain:
    """A candidate that was compared with another model than the one in service."""
    models = [
        ModelVersion.objects.create(
            number=number,
            sha256=whole_artifact(str(number)),
            title="Other",
            status=status,
            promoted_at=when,
        )
        for number, status, when in ((8, "retired", timezone.now()), (9, "candidate", None))
    ]
    other, candidate = models
    Retrain.objects.update(
        status="evaluated", candidate=candidate, gate={"verdict": "pass"}, **premises(other)
    )
    return Retrain.objects.get(pk=proposed.pk)


def test_an_outdated_verdict_is_renewed_when_somebody_wants_to_use_it(
    outdated, mona, tasks
) -> None:
    with pytest.raises(VerdictOutdated):
        maintaining.promote(retrain=outdated, by=mona)
    assert tasks == [(outdated.pk,)]


def test_a_rollback_has_the_open_candidates_judged_again(outdated, champion, mona, tasks) -> None:
    Retrain.objects.update(judged_against=champion)
    other = ModelVersion.objects.get(number=8)
    maintaining.roll_back(model=other, by=mona, reason="It is worse.")
    assert tasks == [(), (outdated.pk,)]


def test_a_refused_rollback_enqueues_nothing(champion, mona, tasks) -> None:
    with pytest.raises(WrongState):
        maintaining.roll_back(model=champion, by=mona, reason="It is worse.")
    assert tasks == []
