"""Erase the data of a withdrawn report: rows at once, files right after.

The rows go in the transaction of the withdrawal. The same transaction records which files must
follow, so a pass that is interrupted is completed by the next one. Every pass may be repeated.
"""

import contextlib
import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CASCADE, Value
from django.db.models.functions import Replace
from django.utils import timezone

from feedback.models import (
    Audit,
    Classification,
    DatasetVersion,
    Decision,
    Erasure,
    Finding,
    Report,
    ReportEvent,
    Retrain,
)
from feedback.services import classifications, images
from modeltrain.data import arrays

# A process that was using an image when it was erased may still write for this long.
LAST_WRITES = datetime.timedelta(seconds=20)
# Rows of a withdrawn report that stay, without what they said about its content.
HISTORY = (ReportEvent, Decision, Erasure)
# Every other field of the report is reset, including fields that are added later.
KEPT_FIELDS = {
    *("id", "receipt", "status", "kind", "expected_label", "created_at", "appealed_at"),
    *("consent_store", "consent_train", "folded_into", "held_in", "idempotency_key"),
    "ledger_key",  # the ledger still needs it to write the withdrawal
}
TEXT_SUFFIXES = (".json", ".jsonl", ".log", ".txt")
REASONED = (Report.Status.ACCEPTED, Report.Status.REJECTED, Report.Status.ESCALATED)


@transaction.atomic
def erase(*, report: Report) -> None:
    """Erase a report's data in the database, and its images wherever visitors try them just now.

    Rows that refer to the report or its examples are deleted too; only its history stays.
    """
    hashes = set(report.examples.values_list("image_sha256", flat=True))
    same_image = Classification.objects.filter(image_sha256__in=hashes)
    for classification in same_image.select_related("image"):
        classifications.delete_image(classification)
    same_image.update(image_sha256="")
    images.delete_images(report=report)
    for relation in Report._meta.related_objects:
        if relation.on_delete is CASCADE and relation.related_model not in HISTORY:
            relation.related_model._base_manager.filter(**{relation.field.name: report}).delete()
    report.decisions.update(groups={}, left_out={})
    report.decisions.exclude(reason="").update(reason="Withdrawn.")
    report.events.filter(status__in=REASONED).update(note="")
    Report.objects.filter(pk=report.pk).update(
        **{
            field.name: field.get_default()
            for field in Report._meta.concrete_fields
            if field.name not in KEPT_FIELDS
        }
    )


def erase_files() -> None:
    """Erase from files and logs what is no longer in the database. Safe to repeat.

    The record of what to erase goes last, once no process can write it again.
    """
    erasures = list(Erasure.objects.exclude(name="").select_related("report"))
    if erasures:
        _mark_datasets(erasures)
        for erasure in erasures:
            _delete_files(erasure)
        _overwrite_file_names(erasures)
    settled = [
        erasure.pk for erasure in erasures if erasure.created_at < timezone.now() - LAST_WRITES
    ]
    Erasure.objects.filter(pk__in=settled).update(file="", name="")
    erased = Erasure.objects.filter(name="")
    if erased.exists() and _truncate_write_ahead_log():
        erased.delete()


def _mark_datasets(erasures: Sequence[Erasure]) -> None:
    """Note on each report which datasets held its images, and fail retrains that use them."""
    for dataset in DatasetVersion.objects.all():
        if not dataset.manifest.is_file():
            continue
        manifest = dataset.manifest.read_text()
        contained = [erasure for erasure in erasures if erasure.name in manifest]
        for report in {erasure.report for erasure in contained if erasure.report}:
            with transaction.atomic():
                report = Report.objects.select_for_update().get(pk=report.pk)
                report.held_in = sorted({*report.held_in, dataset.number})
                report.save(update_fields=["held_in"])
        if contained:
            Retrain.objects.filter(dataset=dataset, status=Retrain.Status.RUNNING).update(
                status=Retrain.Status.FAILED,
                failure="An image that it learns from was withdrawn. Propose it again.",
            )


def _delete_files(erasure: Erasure) -> None:
    images.delete_file(erasure.file)
    features = Path(settings.FEATURES_DIR)
    for base in [*features.glob("*"), *features.glob("*/changed-*")]:
        arrays.path_of(base, erasure.name).unlink(missing_ok=True)


def _overwrite_file_names(erasures: Sequence[Erasure]) -> None:
    """Overwrite the random names of deleted files with zeros, in files and in failure messages.

    Files are changed in place and keep their length, because a log may be written to meanwhile.
    """
    stems = [Path(erasure.file).stem for erasure in erasures]
    pattern = re.compile("|".join(map(re.escape, stems)).encode())
    for path in _text_files():
        with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
            for match in list(pattern.finditer(file.read())):
                file.seek(match.start())
                file.write(b"0" * len(match[0]))
    for model in (Audit, Finding, Retrain):
        for stem in stems:
            model._base_manager.filter(failure__contains=stem).update(
                failure=Replace("failure", Value(stem), Value("0" * len(stem)))
            )


def _text_files() -> Iterator[Path]:
    for folder in (settings.MANIFESTS_DIR, settings.RUNS_DIR, settings.DATA_DIR / "logs"):
        for path in Path(folder).rglob("*"):
            if path.suffix in TEXT_SUFFIXES or ".log." in path.name:
                yield path


def _truncate_write_ahead_log() -> bool:
    """Empty SQLite's write-ahead log; in its main file, SQLite itself overwrites deleted rows."""
    if connection.vendor != "sqlite":
        return True
    if connection.in_atomic_block:
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchone()
    return not busy
