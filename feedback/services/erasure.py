"""Erase what a report brought, wherever it is: in rows at once, in files right after.

The rows go in the transaction of the withdrawal, which also writes down which files must follow. So
whatever is cut short is found and done by the next pass, and every pass may be done again.
"""

import contextlib
import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
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
    StoredImage,
)
from feedback.services import images
from feedback.services.classifications import forget_pixels
from modeltrain.data import arrays
from modeltrain.images.codec import erasable_name

# A process that had a picture in hand when it was erased may write until then.
SETTLED = datetime.timedelta(seconds=20)
# What may have to stay of a withdrawn report, without what it was about.
HISTORY = (ReportEvent, Decision, Erasure)
# All else that a report's row says is emptied, whatever is added to it.
STAYS = {
    *("id", "receipt", "status", "kind", "expected_label", "created_at", "appealed_at"),
    *("consent_store", "consent_train", "folded_into", "held_in", "idempotency_key"),
    "ledger_key",  # its entries are written first
}
WORDS = (".json", ".jsonl", ".log", ".txt")
REASONED = (Report.Status.ACCEPTED, Report.Status.REJECTED, Report.Status.ESCALATED)


def begin(image: StoredImage, report: Report) -> None:
    """Remove a reported picture's row and pixels, and note what other files may hold of it."""
    Erasure.objects.create(
        report=report, file=str(image.file.name), name=image.name, sha256=image.sha256
    )
    images.forget(image)


@transaction.atomic
def forget(report: Report) -> None:
    """Empty a report's rows, and those of whoever tries one of its pictures just now.

    Whatever hangs on the report or its examples goes with them; only its history stays.
    """
    hashes = set(report.examples.values_list("image_sha256", flat=True))
    for tried in Classification.objects.filter(image__sha256__in=hashes).select_related("image"):
        forget_pixels(tried)
    Classification.objects.filter(image_sha256__in=hashes).update(image_sha256="")
    for image in StoredImage.objects.filter(example__report=report):
        begin(image, report)
    for relation in Report._meta.related_objects:
        if relation.on_delete is CASCADE and relation.related_model not in HISTORY:
            relation.related_model._base_manager.filter(**{relation.field.name: report}).delete()
    report.decisions.update(groups={}, left_out={})
    report.decisions.exclude(reason="").update(reason="Withdrawn.")
    report.events.filter(status__in=REASONED).update(note="")
    told = [field for field in Report._meta.concrete_fields if field.name not in STAYS]
    Report.objects.filter(pk=report.pk).update(
        **{field.name: field.get_default() for field in told}
    )


def finish() -> None:
    """Remove from files and logs what rows have forgotten. Safe to repeat.

    The note of what to remove goes last, once nobody can write it anew.
    """
    todo = list(Erasure.objects.exclude(name="").select_related("report"))
    if todo:
        _tell_who_learnt(todo)
        for one in todo:
            _remove_files(one)
        _overwrite(todo)
    settled = [one.pk for one in todo if one.created_at < timezone.now() - SETTLED]
    Erasure.objects.filter(pk__in=settled).update(file="", name="", sha256="")
    done = Erasure.objects.filter(name="")
    if done.exists() and _wash_database():
        done.delete()


def _tell_who_learnt(todo: Sequence[Erasure]) -> None:
    """Write on each receipt which versions held its pictures; no retrain goes on with them."""
    for dataset in DatasetVersion.objects.all():
        if not dataset.manifest.is_file():
            continue
        data = dataset.manifest.read_text()
        held = [one for one in todo if one.name in data]
        for report in {one.report for one in held if one.report}:
            with transaction.atomic():
                report = Report.objects.select_for_update().get(pk=report.pk)
                report.held_in = sorted({*report.held_in, dataset.number})
                report.save(update_fields=["held_in"])
        if held:
            Retrain.objects.filter(dataset=dataset, status=Retrain.Status.RUNNING).update(
                status=Retrain.Status.FAILED,
                failure="A picture that it learns from was withdrawn. Propose it again.",
            )


def _remove_files(one: Erasure) -> None:
    storages["images"].delete(one.file)
    for base in Path(settings.FEATURES_DIR).glob("*"):
        arrays.path_of(base, one.name).unlink(missing_ok=True)


def _overwrite(todo: Sequence[Erasure]) -> None:
    """Put zeros in place of file names, and in manifests of before ADR 13 a passing name.

    In place and of the same length: a log may be written to meanwhile.
    """
    swaps: dict[bytes, bytes] = {}
    for one in todo:
        stem = Path(one.file).stem
        swaps[stem.encode()] = b"0" * len(stem)
        other = erasable_name(Path(one.file), one.sha256)
        swaps[one.sha256.encode()] = other.encode()
        swaps[f'"cluster":"{one.sha256[:16]}"'.encode()] = f'"cluster":"{other[:16]}"'.encode()
    pattern = re.compile(b"|".join(re.escape(one) for one in swaps))
    for path in _texts():
        with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
            for found in list(pattern.finditer(file.read())):
                file.seek(found.start())
                file.write(swaps[found[0]])
    for model in (Audit, Finding, Retrain):
        for old, new in swaps.items():
            told = model._base_manager.filter(failure__contains=old.decode())
            told.update(failure=Replace("failure", Value(old.decode()), Value(new.decode())))


def _texts() -> Iterator[Path]:
    for folder in (settings.MANIFESTS_DIR, settings.RUNS_DIR, settings.DATA_DIR / "logs"):
        for path in Path(folder).rglob("*"):
            if path.suffix in WORDS or ".log." in path.name:
                yield path


def _wash_database() -> bool:
    """SQLite overwrites what is erased in its file; here, what its write-ahead log still holds."""
    if connection.vendor != "sqlite":
        return True
    if connection.in_atomic_block:
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchone()
    return not busy
