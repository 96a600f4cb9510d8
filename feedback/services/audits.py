"""Measure a model on an audit set, in parts, with progress that people can watch."""

import datetime
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from feedback import queries
from feedback.errors import ArtifactMissing
from feedback.models import Audit, AuditSet, ModelVersion
from feedback.models.axis import SLICE
from feedback.services import ledger, manifests, models
from modeltrain.data import manifest

if TYPE_CHECKING:
    from modeltrain.audit.columns import Columns

PART_IMAGES = 16  # a visitor's image waits for at most one part: about a second
PREDICTIONS_SUFFIX = ".answers.jsonl"
COMPARISON_CACHE_SECONDS = 24 * 3600
# A running job touches its heartbeat every few seconds.
LOST_AFTER = datetime.timedelta(seconds=60)


def request(*, model: ModelVersion, audit_set: AuditSet) -> Audit:
    """Return the audit of this model on this set, and reset it if it has failed."""
    audit, _ = Audit.objects.get_or_create(model=model, audit_set=audit_set)
    Audit.objects.filter(pk=audit.pk, status=Audit.Status.FAILED).update(
        status=Audit.Status.WAITING, failure="", progress={}
    )
    audit.refresh_from_db()
    return audit


def repeat(*, audit: Audit) -> None:
    """Queue an audit again that failed, or whose answers are lost."""
    statuses = [Audit.Status.FAILED, *([] if has_answers(audit) else [Audit.Status.DONE])]
    Audit.objects.filter(pk=audit.pk, status__in=statuses).update(
        status=Audit.Status.WAITING, failure="", progress={}
    )


def start(*, pk: int) -> list[int]:
    """Split a waiting audit into parts and return those without predictions.

    The list is empty if another worker has started the audit or every part has predictions.
    """
    waiting = Audit.objects.filter(pk=pk, status=Audit.Status.WAITING)
    if not waiting.update(status=Audit.Status.RUNNING, heartbeat_at=Now()):
        return []
    audit = Audit.objects.select_related("model", "audit_set").get(pk=pk)
    rows = manifest.read(audit.audit_set.manifest)
    audit.parts.mkdir(parents=True, exist_ok=True)
    for part in (parts := _parts(audit)):
        if not (path := _rows_path(audit, part)).is_file():
            manifest.write(path, rows[part : part + PART_IMAGES])
    _update_progress(audit)
    return [part for part in parts if not _predictions_path(audit, part).is_file()]


def predict_part(*, pk: int, part: int) -> None:
    """Classify the images of one part, unless its predictions are stored already."""
    audit = _running(pk)
    if audit is None or _predictions_path(audit, part).is_file():
        return
    from modeltrain.audit import evaluate

    rows = manifest.read(_rows_path(audit, part))
    image_paths = {row.sha256: manifests.image_path(row.sha256) for row in rows}
    classifier = models.classifier_of(audit.model)
    predicted = evaluate.predict(classifier, rows, image_paths, lambda done, total: None)
    evaluate.write_predictions(_predictions_path(audit, part), predicted)
    _update_progress(audit)


def all_parts_predicted(*, pk: int) -> bool:
    """Whether a running audit has the predictions of every part."""
    audit = _running(pk)
    return audit is not None and _is_predicted(audit)


def _is_predicted(audit: Audit) -> bool:
    return bool(audit.progress.get("done") == audit.progress.get("total"))


def count_errors(*, pk: int) -> None:
    """Merge the predictions of all parts, compute the figures and finish the audit."""
    audit = _running(pk)
    if audit is None or not _is_predicted(audit):
        return
    counting = {**audit.progress, "stage": "counting", "message": "Counting the errors"}
    ready = Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING, progress__stage="auditing")
    if not ready.update(progress=counting):
        return  # another worker is counting
    from modeltrain.audit import columns, evaluate

    paths = [_predictions_path(audit, part) for part in _parts(audit)]
    predicted = [prediction for path in paths for prediction in evaluate.read_predictions(path)]
    columns.write(audit.predictions, columns.from_predicted(predicted))
    finish(audit=audit, figures=evaluate.audit(evaluate.from_columns(predictions_of(audit))))
    shutil.rmtree(audit.parts)


def predictions_of(audit: Audit, slices: Mapping[str, str] | None = None) -> "Columns":
    """Read an audit's predictions and add its images' slices as a group axis.

    Parameters
    ----------
    audit : Audit
    slices : mapping of str to str, optional
        The slice of each image hash. By default the slices that are named now.

    Raises
    ------
    OSError, columns.ColumnsRefused
        If the predictions are missing or damaged.
    """
    from modeltrain.audit import columns

    if slices is None:
        slices = queries.audits.slice_groups(audit.audit_set)
    return columns.with_axis(columns.read(audit.predictions), SLICE, slices)


def has_answers(audit: Audit) -> bool:
    """Whether the file with a finished audit's predictions is there and can be read."""
    from modeltrain.audit import columns

    try:
        columns.read(audit.predictions)
    except (OSError, columns.ColumnsRefused):
        return False
    return True


def comparable(
    *, before: int | None, after: int | None, audit_set: int | None
) -> tuple[Audit, Audit] | None:
    """The audits of two models on a set, by primary keys, if both are finished and readable."""
    finished = Audit.objects.filter(
        model__in=[before, after], audit_set=audit_set, status=Audit.Status.DONE
    )
    by_model = {
        audit.model_id: audit
        for audit in finished.select_related("model", "audit_set").defer("figures", "pairs")
        if has_answers(audit)
    }
    if before not in by_model or after not in by_model:
        return None
    return by_model[before], by_model[after]


def rows_of(audit_set: AuditSet, slices: Mapping[str, str]) -> list[manifest.Row]:
    """The set's manifest rows, with each image's slice as a group."""
    return [
        replace(row, groups={**row.groups, SLICE: slices[row.sha256]})
        if row.sha256 in slices
        else row
        for row in manifest.read(audit_set.manifest)
    ]


def recount(*, pk: int) -> None:
    """Compute a finished audit's figures again, after a slice was named or its name taken back."""
    audit = Audit.objects.select_related("model", "audit_set").get(pk=pk)
    from modeltrain.audit import evaluate

    figures = evaluate.audit(evaluate.from_columns(predictions_of(audit)))
    with transaction.atomic():
        current = Audit.objects.select_for_update().get(pk=pk)
        if current.status == Audit.Status.DONE and current.all_figures != figures:
            Audit.objects.filter(pk=pk).update(**_figure_fields(figures))
            audit.refresh_from_db()
            ledger.record_audit(audit)


def fail(*, pk: int, reason: str) -> None:
    Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING).update(
        status=Audit.Status.FAILED, failure=reason
    )


def _running(pk: int) -> Audit | None:
    running = Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING)
    return running.select_related("model", "audit_set").first()


def _parts(audit: Audit) -> range:
    """The index of each part's first image."""
    return range(0, audit.audit_set.images, PART_IMAGES)


def _rows_path(audit: Audit, part: int) -> Path:
    return audit.parts / f"{part}-{PART_IMAGES}.rows.jsonl"


def _predictions_path(audit: Audit, part: int) -> Path:
    return audit.parts / f"{part}-{PART_IMAGES}{PREDICTIONS_SUFFIX}"


def _update_progress(audit: Audit) -> None:
    """Store how many images are classified, and touch the heartbeat."""
    total = audit.audit_set.images
    parts_done = sum(_predictions_path(audit, part).is_file() for part in _parts(audit))
    done = min(parts_done * PART_IMAGES, total)
    Audit.objects.filter(pk=audit.pk, status=Audit.Status.RUNNING).update(
        heartbeat_at=Now(),
        progress={"stage": "auditing", "message": "Auditing", "done": done, "total": total},
    )


def finish(*, audit: Audit, figures: Mapping[str, Any]) -> None:
    with transaction.atomic():
        unfinished = Audit.objects.filter(pk=audit.pk).exclude(status=Audit.Status.DONE)
        if not unfinished.update(
            status=Audit.Status.DONE, finished_at=timezone.now(), **_figure_fields(figures)
        ):
            return  # another worker got there first
        audit.refresh_from_db()
        ledger.record_audit(audit)


def _figure_fields(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "figures": {name: value for name, value in figures.items() if name != "pairs"},
        "pairs": figures.get("pairs", []),
    }


def compare(*, before: Audit, after: Audit) -> dict[str, Any]:
    """Let the gate judge `after` against `before`, whichever of the two models is in service.

    Raises
    ------
    ArtifactMissing
        If a model's predictions are missing, or the two audits are not of the same images.
    """
    # The statistics packages take seconds to import, and only this function needs them.
    from modeltrain.audit import columns
    from modeltrain.gate import judge
    from modeltrain.gate.policy import Policy

    policy = Policy.load()
    slices = queries.audits.slice_groups(before.audit_set)
    pair = f"{before.pk} {after.pk} {before.audit_set_id}"
    key = f"comparison {pair} {policy} {sorted(slices.items())}"
    cache_key = hashlib.sha256(key.encode()).hexdigest()
    comparison: dict[str, Any] | None = cache.get(cache_key)
    if comparison is None:
        try:
            comparison = judge.judge(
                champion=predictions_of(before, slices),
                candidate=predictions_of(after, slices),
                policy=policy,
            )
        except (OSError, columns.ColumnsRefused, judge.NotComparable) as problem:
            raise ArtifactMissing(
                rule="Two models are compared by their answers to the same images.",
                received="answers that are gone, or are of other images",
                remedy="Choose other models, or let both be audited again.",
            ) from problem
        cache.set(cache_key, comparison, COMPARISON_CACHE_SECONDS)
    return comparison


def at_operating_point(
    *, audit: Audit, axis: str, threshold: int, explicit_share: float, limit: float
) -> dict[str, Any]:
    """Count what a filter that uses the audited model does to each group of an axis.

    `modeltrain.audit.operating_point` explains the parameters and the figures.

    Raises
    ------
    ArtifactMissing
        If the model's predictions are missing.
    """
    from modeltrain.audit import columns, operating_point

    slices = queries.audits.slice_groups(audit.audit_set)
    use = operating_point.OperatingPoint(threshold, explicit_share, limit)
    key = f"operating point 2 {audit.pk} {audit.finished_at} {axis} {use} {sorted(slices.items())}"
    cache_key = hashlib.sha256(key.encode()).hexdigest()
    figures: dict[str, Any] | None = cache.get(cache_key)
    if figures is None:
        try:
            answers = predictions_of(audit, slices)
        except (OSError, columns.ColumnsRefused) as problem:
            raise ArtifactMissing(
                rule="A threshold is judged by a model's answers to each image.",
                received="answers that are gone",
                remedy="Choose another model, or let this one be audited again.",
            ) from problem
        figures = operating_point.figures(answers, axis=axis, use=use)
        cache.set(cache_key, figures, COMPARISON_CACHE_SECONDS)
    return figures


def resume_lost() -> int:
    """Put running audits whose heartbeat stopped back in the queue: their worker is lost."""
    return Audit.objects.filter(
        status=Audit.Status.RUNNING, heartbeat_at__lt=Now() - LOST_AFTER
    ).update(status=Audit.Status.WAITING, progress={})
