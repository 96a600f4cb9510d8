"""Measure a model on an audit set, as a job people can watch."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from feedback.errors import ArtifactMissing
from feedback.models import Audit, AuditSet, ModelVersion
from feedback.services import datasets, ledger, training_process
from modeltrain import manifest

LIMIT_SECONDS = 30 * 60
KEPT_SECONDS = 24 * 3600  # a comparison, in the cache
# A running job touches its heartbeat every five seconds.
LOST_AFTER = datetime.timedelta(seconds=60)


def request(*, model: ModelVersion, audit_set: AuditSet) -> Audit:
    """The audit of this model on this set; a failed one is tried again."""
    audit, _ = Audit.objects.get_or_create(model=model, audit_set=audit_set)
    Audit.objects.filter(pk=audit.pk, status=Audit.Status.FAILED).update(
        status=Audit.Status.WAITING, failure="", progress={}
    )
    audit.refresh_from_db()
    return audit


def run(*, pk: int) -> None:
    """Audit in a process of its own and keep the figures."""
    started = Audit.objects.filter(pk=pk, status=Audit.Status.WAITING).update(
        status=Audit.Status.RUNNING, heartbeat_at=timezone.now()
    )
    if not started:
        return  # another worker got there first
    audit = Audit.objects.select_related("model", "audit_set").get(pk=pk)
    running = Audit.objects.filter(pk=pk, status=Audit.Status.RUNNING)

    def listen(message: Mapping[str, Any]) -> bool:
        changed = {"heartbeat_at": timezone.now()}
        if "stage" in message:
            changed["progress"] = dict(message)  # type: ignore[assignment]
        return bool(running.update(**changed))

    folder = Path(settings.RUNS_DIR) / "audits"
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / f"{audit.pk}.images.json"
    datasets.write_index(manifest.read(audit.audit_set.manifest), index)
    try:
        training_process.run(
            [
                "audit",
                f"--artifact={audit.model.folder}",
                f"--manifest={audit.audit_set.manifest}",
                f"--images={index}",
                f"--out={audit.predictions}",
            ],
            log=folder / f"{audit.pk}.log",
            listen=listen,
            limit_seconds=LIMIT_SECONDS,
        )
    except training_process.ProcessFailed as failure:
        running.update(status=Audit.Status.FAILED, failure=str(failure))
        return
    finish(audit=audit, figures=json.loads(audit.predictions.with_suffix(".json").read_text()))


def finish(*, audit: Audit, figures: Mapping[str, Any]) -> None:
    with transaction.atomic():
        unfinished = Audit.objects.filter(pk=audit.pk).exclude(status=Audit.Status.DONE)
        if not unfinished.update(
            status=Audit.Status.DONE, figures=figures, finished_at=timezone.now()
        ):
            return  # another worker got there first
        audit.refresh_from_db()
        ledger.audit(audit)


def compare(*, before: Audit, after: Audit) -> dict[str, Any]:
    """What the gate says of two audited models, whichever of them is in service.

    Raises
    ------
    ArtifactMissing
        Where a model's answers are gone, or the two are not of the same images.
    """

    # Statistics take seconds to import, and only this needs them.
    from modeltrain import columns, gate
    from modeltrain.policy import Policy

    policy = Policy.load()
    key = f"comparison {before.pk} {after.pk} {before.audit_set_id} {policy}"
    name = hashlib.sha256(key.encode()).hexdigest()
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        try:
            found = gate.judge(
                champion=columns.read(before.predictions),
                candidate=columns.read(after.predictions),
                policy=policy,
            )
        except (OSError, columns.ColumnsRefused, gate.NotComparable) as problem:
            raise ArtifactMissing(
                rule="Two models are compared by their answers to the same images.",
                received="answers that are gone, or are of other images",
                way_out="Choose other models, or let both be audited again.",
            ) from problem
        cache.set(name, found, KEPT_SECONDS)
    return found


def fail_lost() -> int:
    """A running audit without a heartbeat has lost its worker; let it be tried again."""
    return Audit.objects.filter(
        status=Audit.Status.RUNNING, heartbeat_at__lt=timezone.now() - LOST_AFTER
    ).update(status=Audit.Status.WAITING, progress={})
