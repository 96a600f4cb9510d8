"""A model that was in service can be put back, by name and for a reason."""

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.errors import ArtifactMissing, Invalid, WrongState
from feedback.models import LedgerEntry, ModelVersion
from feedback.services import models


@pytest.fixture
def newer(real_champion) -> ModelVersion:
    """A second model has taken the published one's place."""
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    models.put_in_service(candidate)
    real_champion.refresh_from_db()
    return candidate


def test_a_maintainer_puts_the_former_model_back(client, newer, real_champion, mona) -> None:
    client.force_login(mona)
    assert "Put v1 back in service" in client.get("/models/v1/").content.decode()
    answer = client.post(
        reverse("roll-back", args=["v1"]), {"reason": "v2 flags photographs."}, follow=True
    )
    assert "v1 is in service again." in answer.content.decode()
    assert ModelVersion.objects.champion() == real_champion
    entry = LedgerEntry.objects.latest("number")
    assert entry.kind == "rollback"
    assert entry.facts["reason"] == "v2 flags photographs."
    assert entry.facts["by"] == "mona"


def test_the_retrains_page_leads_back_to_the_model_before(client, newer, real_champion, mona):
    client.force_login(mona)
    page = client.get(reverse("retrains")).content.decode()
    assert f'action="{reverse("roll-back", args=["v1"])}"' in page
    models.roll_back(model=real_champion, by=mona, reason="v2 flags photographs.")
    assert "Put v2 back in service" in client.get(reverse("retrains")).content.decode()


def test_others_may_not(client, newer, ravi) -> None:
    client.force_login(ravi)
    assert "back in service" not in client.get("/models/v1/").content.decode()
    assert client.post(reverse("roll-back", args=["v1"]), {"reason": "x"}).status_code == 403
    assert ModelVersion.objects.champion() == newer


def test_it_needs_a_reason(newer, real_champion, mona) -> None:
    with pytest.raises(Invalid, match="reason"):
        models.roll_back(model=real_champion, by=mona, reason=" ")


def test_only_a_retired_model_comes_back(newer, real_champion, mona) -> None:
    candidate = ModelVersion.objects.create(number=3, sha256="c" * 64, title="Retrain 2")
    for model in (newer, candidate):
        with pytest.raises(WrongState):
            models.roll_back(model=model, by=mona, reason="No.")


def test_a_model_whose_files_are_gone_stays_out(newer, mona) -> None:
    gone = ModelVersion.objects.create(
        number=3, sha256="c" * 64, title="Gone", status="retired", promoted_at=timezone.now()
    )
    with pytest.raises(ArtifactMissing):
        models.roll_back(model=gone, by=mona, reason="No.")
    assert ModelVersion.objects.champion() == newer
