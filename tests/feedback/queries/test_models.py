import datetime

import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import ModelVersion

pytestmark = pytest.mark.django_db


def model(number: int, status: str, days: int | None = None) -> ModelVersion:
    promoted_at = None if days is None else timezone.now() - datetime.timedelta(days=days)
    return ModelVersion.objects.create(
        number=number,
        sha256=f"{number:064}",
        title="A model",
        status=status,
        promoted_at=promoted_at,
    )


def test_a_model_is_named_by_its_version_and_nothing_else() -> None:
    third = model(3, "candidate")
    assert queries.models.model_of("v3") == queries.models.model_of("3") == third
    for version in ("v4", "v", "", "v-3", "v3.0", "vv3", "³"):
        assert queries.models.model_of(version) is None
    assert queries.models.versions() == ["v3"]


def test_the_model_before_is_the_one_that_went_into_service_last() -> None:
    assert queries.models.champion() is None
    assert queries.models.previous_champion() is None
    model(1, "retired", days=9)
    rolled_back_to = model(2, "retired", days=3)
    model(3, "retired", days=5)
    champion = model(4, "champion", days=1)
    model(5, "candidate")
    assert queries.models.champion() == champion
    assert queries.models.previous_champion() == rolled_back_to
