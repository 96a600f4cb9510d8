"""Register models and put one in service."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from feedback.models import ModelVersion
from feedback.services import ledger

if TYPE_CHECKING:
    from modeltrain.classifier import Classifier


def register(*, sha256: str, title: str, parent: ModelVersion | None) -> ModelVersion:
    """A new candidate; the same artifact again is the same model."""
    with transaction.atomic():
        known = ModelVersion.objects.filter(sha256=sha256).first()
        if known:
            return known
        last = ModelVersion.objects.aggregate(last=Max("number"))["last"] or 0
        return ModelVersion.objects.create(
            number=last + 1, sha256=sha256, title=title, parent=parent
        )


def put_in_service(model: ModelVersion, *, by: User | None = None) -> None:
    """Make `model` the champion and retire the present one, in one transaction."""
    with transaction.atomic():
        champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION)
        ledger.service(model, after=champion.first(), by=by)
        champion.exclude(pk=model.pk).update(status=ModelVersion.Status.RETIRED)
        ModelVersion.objects.filter(pk=model.pk).update(
            status=ModelVersion.Status.CHAMPION, promoted_at=timezone.now()
        )


@functools.lru_cache(maxsize=2)
def _classifier(folder: Path) -> "Classifier":
    # Imported here: the web process must not load onnxruntime.
    from modeltrain import artifact
    from modeltrain.classifier import Classifier

    return Classifier(artifact.load(folder))


def classifier_of(model: ModelVersion) -> "Classifier":
    """The loaded model. The two used last stay in memory, so a promotion costs one load."""
    return _classifier(model.folder)
