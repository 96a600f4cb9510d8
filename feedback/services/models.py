"""Register models and put one in service."""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from feedback import queries
from feedback.errors import ArtifactMissing, Invalid, WrongState
from feedback.models import ModelVersion
from feedback.services import ledger
from feedback.text import optional_text

if TYPE_CHECKING:
    from modeltrain.model.classifier import Classifier

log = structlog.get_logger()


def register(*, sha256: str, title: str, parent: ModelVersion | None) -> ModelVersion:
    """Create a candidate from an artifact, or return the model that this artifact already is."""
    with transaction.atomic():
        existing = ModelVersion.objects.filter(sha256=sha256).first()
        if existing:
            return existing
        last = ModelVersion.objects.aggregate(last=Max("number"))["last"] or 0
        return ModelVersion.objects.create(
            number=last + 1, sha256=sha256, title=title, parent=parent
        )


def roll_back(*, model: ModelVersion, by: User, reason: str) -> None:
    """Put a retired model back in service."""
    if model.status != ModelVersion.Status.RETIRED:
        raise WrongState(
            rule="A model can be put back that was in service before and is not now.",
            received=f"{model}, {model.status}",
            remedy="Choose a retired model.",
        )
    reason = optional_text(reason, "A reason")
    if not reason:
        raise Invalid(
            rule="Putting a model back needs a reason, which is public.",
            received="no reason",
            remedy="Write what is wrong with the model in service.",
        )
    refuse_damaged(model)
    put_in_service(model, by=by, reason=reason)


def put_in_service(
    model: ModelVersion,
    *,
    instead_of: ModelVersion | None = None,
    by: User | None = None,
    reason: str = "",
) -> None:
    """Make `model` the champion and retire the current champion, in one transaction.

    Raises
    ------
    WrongState
        If another request changed the status of `model` meanwhile, or if the champion is not
        `instead_of`, where that is given.
    """
    with transaction.atomic():
        champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION)
        ledger.record_promotion(model, after=champion.first(), by=by, reason=reason)
        if instead_of:
            champion = champion.filter(pk=instead_of.pk)
        retired = champion.exclude(pk=model.pk).update(status=ModelVersion.Status.RETIRED)
        promoted = ModelVersion.objects.filter(pk=model.pk, status=model.status)
        if (instead_of and not retired) or not promoted.update(
            status=ModelVersion.Status.CHAMPION, promoted_at=timezone.now()
        ):
            raise WrongState(
                rule="Models go into service one at a time.",
                received=f"{model}, while another request put a model into service",
                remedy="Open the page again to see which model is in service now.",
            )


def refuse_damaged(model: ModelVersion) -> None:
    """Refuse a model whose files are not those that were audited, byte for byte.

    Raises
    ------
    ArtifactMissing
        A file is missing or was changed.
    """
    if damage := _check_files(model):
        raise ArtifactMissing(
            rule="A model goes into service from its own files, unchanged since it was audited.",
            received=damage,
            remedy="Restore its folder from a backup, or choose another model.",
        )


# Files that look unchanged are read again after this time: a bit that flips on the disk changes
# neither size nor time of a file.
HASHED_SECONDS = 600
_hashed: dict[int, tuple[object, float]] = {}


def _check_files_if_changed(model: ModelVersion) -> None:
    """Check the files anew if one was replaced or written to, or if the last time is long ago."""
    signature = (model.sha256, model.damage, _signature(model.folder))
    last_signature, hashed_at = _hashed.get(model.pk, (None, 0.0))
    if signature == last_signature and time.monotonic() < hashed_at + HASHED_SECONDS:
        return
    damage = _check_files(model)
    _hashed[model.pk] = ((model.sha256, damage, signature[2]), time.monotonic())


def _signature(folder: Path) -> list[tuple[str, int, int, int]]:
    """Name, inode, size and time of every file; nothing if the folder cannot be read."""
    try:
        files = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        return []
    return [(name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in files]


def _check_files(model: ModelVersion) -> str:
    """Compare the artifact's files with their hashes. Store and return what is wrong, if anything.

    As long as the files are damaged, the model does not answer.
    """
    from modeltrain.model import artifact

    try:
        artifact.load(model.folder)
        damage = ""
    except artifact.ArtifactCorrupt as corrupt:
        damage = f"{corrupt.file}: {corrupt.received} instead of {corrupt.expected}"
    except OSError as problem:
        damage = f"files that cannot be read ({problem.strerror})"
    if damage != model.damage:
        log.error("model is damaged" if damage else "model is whole again", model=model.version)
        ModelVersion.objects.filter(pk=model.pk).update(damage=damage)
        model.damage = damage
    return damage


@functools.lru_cache(maxsize=2)
def _classifier(folder: Path) -> "Classifier":
    # Imported here: the web process must not load onnxruntime (ADR 18).
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier

    return Classifier(artifact.load(folder))


def classifier_of(model: ModelVersion) -> "Classifier":
    """Load a model. The last two stay in memory, so a promotion costs only one load."""
    return _classifier(model.folder)


def classifier_in_service() -> tuple[ModelVersion, "Classifier"]:
    """Load the champion or, while its files are damaged, the model in service before it.

    Raises
    ------
    ModelVersion.DoesNotExist
        No model that was ever in service can be loaded.
    """
    from modeltrain.model import artifact

    for model in queries.models.in_serving_order():
        try:
            return model, classifier_of(model)
        except (artifact.ArtifactCorrupt, OSError):
            _check_files(model)
    raise ModelVersion.DoesNotExist("No model can be loaded.")


def check_service() -> bool:
    """Check the files of the models that may answer, then classify an image with the one that does.

    Returns
    -------
    bool
        Whether one answered.
    """
    for model in (queries.models.champion(), queries.models.previous_champion()):
        if model:
            _check_files_if_changed(model)
    try:
        _, classifier = classifier_in_service()
    except ModelVersion.DoesNotExist:
        return False
    classifier.classify(np.full((8, 8, 3), 255, dtype=np.uint8))
    return True
