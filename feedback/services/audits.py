"""Measure a model on an audit set, as a job people can watch."""

import datetime
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from feedback import queries
from feedback.errors import ArtifactMissing
from feedback.models import Audit, AuditSet, ModelVersion
from feedback.models.group import SLICE
from feedback.services import ledger, manifests, models
from modeltrain.data import manifest

if TYPE_CHECKING:
    from modeltrain.audit.columns import Columns

PART_IMAGES = 16  # a visitor's image waits for one part at most: about a second
ANSWERS = ".answers.jsonl"
KEPT_SECONDS = 24 * 3600  # a comparison, in the cache
# A running job touches its heartbeat every few seconds.
LOST_AFTER = datetime.timedelta(seconds=60)


def request(*, model: ModelVersion, audit_set: AuditSet) -> Audit:
    """The audit of this model on this set; a failed one is tried again."""
    audit, _ = Audit.objects.get_or_create(model=model, audit_set=audit_set)
    Audit.objects.filter(pk=audit.pk, status=Audit.Status.FAILED).update(
        status=Audit.Status.WAITING, failure="", progress={}
    )
    audit.refresh_from_db()
    return audit


def start(*, pk: int) -> list[int]:
    """Cut a waiting audit into parts; return those that nobody has answered yet.

    Empty where another worker got there first, or where every part is answered.
    """
    waiting = Audit.objects.filter(pk=pk, status=Audit.Status.WAITING)
    if not waiting.update(status=Audit.Status.RUNNING, heartbeat_at=timezone.now()):
        return []
    audit = Audit.objects.select_related("model", "audit_set").get(pk=pk)
    rows = manifest.read(audit.audit_set.manifest)
    audit.parts.mkdir(parents=True, exist_ok=True)
    for part in (parts := _parts(audit)):
        if not (asked := _rows(audit, part)).is_file():
            manifest.write(asked, rows[part : part + PART_IMAGES])
    _tell(audit)
    return [part for part in parts if not _answers(audit, part).is_file()]


def answer(*, pk: int, part: int) -> None:
    """Let the model say what it sees on the images of one part; once is enough."""
    audit = _running(pk)
    if audit is None or _answers(audit, part).is_file():
        return
    from modeltrain.audit import evaluate

    rows = manifest.read(_rows(audit, part))
    places = {row.sha256: manifests.image_path(row.sha256) for row in rows}
    classifier = models.classifier_of(audit.model)
    predicted = evaluate.predict(classifier, rows, places, lambda done, total: None)
    evaluate.write_predictions(_answers(audit, part), predicted)
    _tell(audit)


def answered(*, pk: int) -> bool:
    """Is every part of a running audit there?"""
    audit = _running(pk)
    return bool(audit and audit.progress.get("done") == audit.progress.get("total"))


def count(*, pk: int) -> None:
    """Put the parts together and count the errors."""
    audit = _running(pk)
    if audit is None or not answered(pk=pk):
        return
    counting = {**audit.progress, "stage": "counting", "message": "Counting the errors"}
    ready = Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING, progress__stage="auditing")
    if not ready.update(progress=counting):
        return  # another worker does it
    from modeltrain.audit import columns, evaluate

    answers = [_answers(audit, part) for part in _parts(audit)]
    predicted = [each for path in answers for each in evaluate.read_predictions(path)]
    columns.write(audit.predictions, columns.from_predicted(predicted))
    finish(audit=audit, figures=evaluate.audit(evaluate.from_columns(answers_of(audit))))
    shutil.rmtree(audit.parts)


def answers_of(audit: Audit, slices: Mapping[str, str] | None = None) -> "Columns":
    """Its model's answers, with these slices, or those that have a name now.

    Raises
    ------
    OSError, columns.ColumnsRefused
        Where they are gone, or damaged.
    """
    from modeltrain.audit import columns

    if slices is None:
        slices = queries.audits.slice_groups(audit.audit_set)
    return columns.with_axis(columns.read(audit.predictions), SLICE, slices)


def rows_of(audit_set: AuditSet, slices: Mapping[str, str]) -> list[manifest.Row]:
    """Its images, with these slices."""
    return [
        replace(row, groups={**row.groups, SLICE: slices[row.sha256]})
        if row.sha256 in slices
        else row
        for row in manifest.read(audit_set.manifest)
    ]


def recount(*, pk: int) -> None:
    """Count a finished audit again from its answers, after a slice was named or taken back."""
    audit = Audit.objects.select_related("model", "audit_set").get(pk=pk)
    from modeltrain.audit import evaluate

    figures = evaluate.audit(evaluate.from_columns(answers_of(audit)))
    with transaction.atomic():
        now = Audit.objects.select_for_update().get(pk=pk)
        if now.status == Audit.Status.DONE and now.all_figures != figures:
            Audit.objects.filter(pk=pk).update(**_kept(figures))
            audit.refresh_from_db()
            ledger.audit(audit)


def fail(*, pk: int, why: str) -> None:
    Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING).update(
        status=Audit.Status.FAILED, failure=why
    )


def _running(pk: int) -> Audit | None:
    running = Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING)
    return running.select_related("model", "audit_set").first()


def _parts(audit: Audit) -> range:
    """Where each part begins."""
    return range(0, audit.audit_set.images, PART_IMAGES)


def _rows(audit: Audit, part: int) -> Path:
    return audit.parts / f"{part}-{PART_IMAGES}.rows.jsonl"


def _answers(audit: Audit, part: int) -> Path:
    return audit.parts / f"{part}-{PART_IMAGES}{ANSWERS}"


def _tell(audit: Audit) -> None:
    """Show how many images are answered, and that somebody is at work."""
    total = audit.audit_set.images
    done = min(sum(_answers(audit, part).is_file() for part in _parts(audit)) * PART_IMAGES, total)
    Audit.objects.filter(pk=audit.pk, status=Audit.Status.RUNNING).update(
        heartbeat_at=timezone.now(),
        progress={"stage": "auditing", "message": "Auditing", "done": done, "total": total},
    )


def finish(*, audit: Audit, figures: Mapping[str, Any]) -> None:
    with transaction.atomic():
        unfinished = Audit.objects.filter(pk=audit.pk).exclude(status=Audit.Status.DONE)
        if not unfinished.update(
            status=Audit.Status.DONE, finished_at=timezone.now(), **_kept(figures)
        ):
            return  # another worker got there first
        audit.refresh_from_db()
        ledger.audit(audit)


def _kept(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "figures": {name: each for name, each in figures.items() if name != "pairs"},
        "pairs": figures.get("pairs", []),
    }


def compare(*, before: Audit, after: Audit) -> dict[str, Any]:
    """What the gate says of two audited models, whichever of them is in service.

    Raises
    ------
    ArtifactMissing
        Where a model's answers are gone, or the two are not of the same images.
    """

    # Statistics take seconds to import, and only this needs them.
    from modeltrain.audit import columns
    from modeltrain.gate import judge
    from modeltrain.gate.policy import Policy

    policy = Policy.load()
    slices = sorted(queries.audits.slice_groups(before.audit_set).items())
    key = f"comparison {before.pk} {after.pk} {before.audit_set_id} {policy} {slices}"
    name = hashlib.sha256(key.encode()).hexdigest()
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        try:
            found = judge.judge(
                champion=answers_of(before),
                candidate=answers_of(after),
                policy=policy,
            )
        except (OSError, columns.ColumnsRefused, judge.NotComparable) as problem:
            raise ArtifactMissing(
                rule="Two models are compared by their answers to the same images.",
                received="answers that are gone, or are of other images",
                remedy="Choose other models, or let both be audited again.",
            ) from problem
        cache.set(name, found, KEPT_SECONDS)
    return found


def fail_lost() -> int:
    """A running audit without a heartbeat has lost its worker; let it be tried again."""
    return Audit.objects.filter(
        status=Audit.Status.RUNNING, heartbeat_at__lt=timezone.now() - LOST_AFTER
    ).update(status=Audit.Status.WAITING, progress={})
