"""Propose, approve, run, promote, decline or cancel a retrain."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from feedback import queries
from feedback.errors import ArtifactMissing, NothingToLearn, OverrideNeeded, WrongState
from feedback.models import ApprovalRule, Audit, AuditSet, DatasetVersion, ModelVersion, Retrain
from feedback.services import (
    audits,
    confirmations,
    datasets,
    gaps,
    ledger,
    manifests,
    models,
    recipes,
    training_process,
    verdicts,
)
from feedback.text import optional_text
from modeltrain.data import manifest

Status = Retrain.Status
# After so many workers were lost on a retrain, the next one would be lost too.
ATTEMPTS = 3


def propose(*, by: User, recipe: str = recipes.HEAD) -> Retrain:
    """Propose to train a candidate by a recipe.

    While a retrain of the model in service is open, another recipe learns from the same dataset
    version, so that their candidates can be compared. Otherwise the accepted reports are folded
    into the next version.

    Raises
    ------
    Invalid
        There is no such recipe.
    WrongState
        A retrain by this recipe is open, or the recipe needs something that is not there.
    NothingToLearn
        There is nothing that the model in service has not learnt.
    """
    chosen = recipes.named(recipe)
    champion = ModelVersion.objects.champion()
    _refuse_second_open_retrain(champion, chosen)
    dataset = _dataset_to_learn(champion, chosen, by=by)
    offer = recipes.offer(chosen, champion, manifest.read(dataset.manifest))
    if offer.refusal:
        raise offer.refusal
    with transaction.atomic():
        ApprovalRule.objects.locked()  # so that two maintainers propose one after the other
        _refuse_second_open_retrain(champion, chosen, dataset)
        return Retrain.objects.create(
            base=champion,
            dataset=dataset,
            recipe=chosen.name,
            config=chosen.kind,
            estimate={
                "seconds": round(offer.seconds),
                "images": offer.images,
                "train": offer.train,
                "runs": offer.runs,
            },
            proposed_by=by,
        )


def _dataset_to_learn(
    champion: ModelVersion, recipe: recipes.Recipe, *, by: User
) -> DatasetVersion:
    opened = Retrain.objects.filter(base=champion, status__in=Retrain.OPEN).first()
    if opened:
        return opened.dataset
    refusal = recipes.current_offer(recipe, champion).refusal
    if refusal and queries.reports.learnable_counts()["images"]:
        raise refusal  # before anything is folded for it
    dataset = datasets.fold(by=by) or DatasetVersion.objects.first()
    origin = Retrain.objects.filter(candidate=champion).first()
    if dataset is None or dataset.parent is None or (origin and origin.dataset == dataset):
        raise NothingToLearn(
            rule="A retrain needs examples that the present model has not learnt from.",
            received="no accepted report with images and consent to train",
            remedy="Decide some reports first.",
        )
    return dataset


def _refuse_second_open_retrain(
    champion: ModelVersion, recipe: recipes.Recipe, dataset: DatasetVersion | None = None
) -> None:
    opened = Retrain.objects.filter(base=champion, status__in=Retrain.OPEN)
    if same := opened.filter(recipe=recipe.name).first():
        raise WrongState(
            rule="One retrain of each recipe is open at a time.",
            received=f"retrain {same.pk} by {recipe.title} is {same.status}",
            remedy="Promote, decline or cancel it first, or choose another recipe.",
        )
    if dataset and (other := opened.exclude(dataset=dataset).first()):
        raise WrongState(
            rule="Open retrains learn from one version of the data, so that they can be compared.",
            received=f"{dataset}, while retrain {other.pk} learns from {other.dataset}",
            remedy="Propose it again: it then learns from the same.",
        )


def approve(*, retrain: Retrain, by: User) -> Retrain:
    with transaction.atomic():
        keys = ApprovalRule.objects.locked()
        if keys.two and by == retrain.proposed_by:
            raise WrongState(
                rule="With two keys, nobody approves a retrain that they proposed.",
                received=f"{by}, who proposed it",
                remedy="Ask another maintainer.",
            )
        _transition(
            retrain,
            sources=[Status.PROPOSED],
            verb="approved",
            status=Status.APPROVED,
            approved_by=by,
            approved_at=timezone.now(),
        )
        ledger.record_approval(retrain, by=by, keys=keys.number)
    return retrain


def cancel(*, retrain: Retrain, by: User) -> Retrain:
    """Stop a retrain before its verdict. A running process notices within seconds."""
    _transition(
        retrain,
        sources=[Status.PROPOSED, Status.APPROVED, Status.RUNNING],
        verb="cancelled",
        status=Status.CANCELLED,
        decided_by=by,
        decided_at=timezone.now(),
    )
    return retrain


def decline(*, retrain: Retrain, by: User, reason: str = "") -> Retrain:
    reason = optional_text(reason, "A reason")
    with transaction.atomic():
        _transition(
            retrain,
            sources=[Status.EVALUATED],
            verb="declined",
            status=Status.DECLINED,
            decided_by=by,
            decided_at=timezone.now(),
            override_reason=reason,
        )
        ledger.record_decline(retrain, by=by)
    return retrain


def promote(
    *,
    retrain: Retrain,
    by: User,
    override_reason: str = "",
    acknowledged_gaps: Sequence[str] = (),
) -> Retrain:
    """Put the candidate in service, in one transaction: there is always a champion.

    The verdict must still hold against what is in service now. A verdict that is no pass needs a
    reason, and so does one that the confirmation set has not confirmed. Every gap that opens has to
    be acknowledged, whatever the verdict.
    """
    _refuse_unless(retrain, [Status.EVALUATED], "promoted")
    verdicts.refuse_outdated(retrain)
    gate, candidate = retrain.gate or {}, retrain.candidate
    override_reason = optional_text(override_reason, "A reason")
    unconfirmed = confirmations.objection(retrain)
    if unconfirmed and not override_reason:
        raise unconfirmed
    if gate.get("verdict") != "pass" and not override_reason:
        raise OverrideNeeded(
            rule="A model that the gate did not pass needs a written, public reason.",
            received=f"gate verdict {gate.get('verdict')!r} and no override_reason",
            remedy="Give override_reason, or decline.",
        )
    groups = gaps.acknowledge(gate, acknowledged_gaps)
    if candidate is None:
        raise ArtifactMissing(
            rule="A model is promoted from its own files.",
            received="a retrain without a model",
            remedy="Propose another.",
        )
    models.refuse_damaged(candidate)
    with transaction.atomic():
        _transition(
            retrain,
            sources=[Status.EVALUATED],
            verb="promoted",
            condition=verdicts.still_holds(retrain),
            status=Status.PROMOTED,
            decided_by=by,
            decided_at=timezone.now(),
            override_reason=override_reason,
            acknowledged_gaps=groups,
        )
        if gate.get("verdict") != "pass" or unconfirmed:
            ledger.record_override(retrain, by=by, unconfirmed=unconfirmed)
        if groups:
            ledger.record_gaps(retrain, by=by)
        models.put_in_service(candidate, instead_of=retrain.judged_against, by=by)
    return retrain


def run(*, pk: int) -> None:
    """Train, audit and judge in a process of its own, and store the result."""
    started = Retrain.objects.filter(pk=pk, status=Status.APPROVED).update(
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        started_at=timezone.now(),
        heartbeat_at=Now(),
        progress={"stage": "starting", "done": 0, "total": 1, "message": "Starting"},
    )
    if not started:
        return  # another worker got there first, or it was cancelled
    retrain = Retrain.objects.select_related("base", "dataset").get(pk=pk)
    running = Retrain.objects.filter(pk=pk, status=Status.RUNNING, attempt=retrain.attempt)

    def listen(message: Mapping[str, Any]) -> bool:
        changed: dict[str, Any] = {"heartbeat_at": Now()}
        if "stage" in message:
            changed["progress"] = dict(message)
        return bool(running.update(**changed))

    try:
        audit_set = queries.audits.open_sets().latest("pk")
        result = training_process.run(
            _arguments(retrain, audit_set),
            log=retrain.folder / "training.log",
            listen=listen,
            limit_seconds=recipes.named(retrain.recipe).limit_seconds,
        )
        _store_result(running, retrain, audit_set, result)
    except training_process.ProcessKilled as killed:
        _queue_again(running, str(killed))
    except training_process.ProcessFailed as failure:
        running.update(status=Status.FAILED, failure=str(failure))
    except Exception as error:
        running.update(status=Status.FAILED, failure=f"{type(error).__name__}: {error}")
        raise
    finally:
        _delete_checkpoints(retrain)


def _delete_checkpoints(retrain: Retrain) -> None:
    """Delete what another attempt would go on with, unless there will be one."""
    if not Retrain.objects.filter(pk=retrain.pk, status__in=[Status.APPROVED, Status.RUNNING]):
        shutil.rmtree(retrain.folder / "checkpoints", ignore_errors=True)


def _arguments(retrain: Retrain, audit_set: AuditSet) -> list[str]:
    rows = manifest.read(retrain.dataset.manifest)
    if missing := len(rows) - len(manifests.existing_rows(rows)):
        raise training_process.ProcessFailed(
            f"{missing} of the reported images of {retrain.dataset} were withdrawn since it was "
            "proposed, or the decision on them was taken back. Propose it again: the next dataset "
            "is without them."
        )
    retrain.folder.mkdir(parents=True, exist_ok=True)
    index = retrain.folder / "images.json"
    slices = queries.audits.slice_groups(audit_set)
    audit_rows = audits.rows_of(audit_set, slices)
    manifest.write(retrain.folder / "audit.jsonl", audit_rows)
    manifests.write_image_index(rows + audit_rows, index)
    arguments = [
        "retrain",
        f"--config={_write_config(retrain)}",
        f"--champion={retrain.base.folder}",
        f"--manifest={retrain.dataset.manifest}",
        f"--audit-manifest={retrain.folder / 'audit.jsonl'}",
        f"--images={index}",
        f"--cache={settings.FEATURES_DIR}",
        f"--artifacts={settings.ARTIFACTS_DIR}",
        f"--out={retrain.folder}",
    ]
    champion_audit = Audit.objects.filter(
        model=retrain.base, audit_set=audit_set, status=Audit.Status.DONE
    ).first()
    if champion_audit and champion_audit.predictions.is_file():
        from modeltrain.audit import columns

        # A copy: both models must be judged by the same groups, even if a slice is named meanwhile.
        predictions = retrain.folder / "champion.npz"
        columns.write(predictions, audits.predictions_of(champion_audit, slices))
        arguments.append(f"--champion-predictions={predictions}")
    return arguments


def _write_config(retrain: Retrain) -> str:
    """Return the name of the recipe's config, or the file with an operator's own."""
    recipe = recipes.named(retrain.recipe)
    if recipe.name == recipe.kind:
        return recipe.name
    path = retrain.folder / "config.json"
    path.write_text(json.dumps({**asdict(recipe.config), "recipe": recipe.kind}))
    return str(path)


def _store_result(
    running: "QuerySet[Retrain]",
    retrain: Retrain,
    audit_set: AuditSet,
    result: Mapping[str, Any],
) -> None:
    candidate = models.register(
        sha256=result["sha256"], title=f"Retrain {retrain.pk}", parent=retrain.base
    )
    for model, predictions in (
        (retrain.base, result["champion_predictions"]),
        (candidate, result["candidate_predictions"]),
    ):
        audit = audits.request(model=model, audit_set=audit_set)
        source = Path(predictions)
        audit.predictions.parent.mkdir(parents=True, exist_ok=True)
        if source != audit.predictions:
            audit.predictions.write_bytes(source.read_bytes())
        if audit.status != Audit.Status.DONE:
            figures = json.loads(source.with_suffix(".json").read_text())
            audits.finish(audit=audit, figures=figures)
    gate = verdicts.with_wear(json.loads(Path(result["gate"]).read_text()), audit_set)
    with transaction.atomic():
        evaluated = running.update(
            status=Status.EVALUATED,
            candidate=candidate,
            gate=gate,
            stages=result.get("stages", {}),
            judged_against=retrain.base,
            audit_set=audit_set,
            policy_sha256=verdicts.policy_sha256(gate["policy"]),
            evaluated_at=timezone.now(),
        )
        if evaluated:
            retrain.refresh_from_db()
            ledger.record_gate(retrain)


def resume_lost() -> int:
    """Hand running retrains whose heartbeat stopped to the next worker: theirs is lost.

    Time is the database's, so the clocks of the workers' machines may differ.
    """
    return _queue_again(
        Retrain.objects.filter(status=Status.RUNNING, heartbeat_at__lt=Now() - audits.LOST_AFTER),
        "Its training worker was lost: no sign of life for a minute.",
    )


def _queue_again(running: "QuerySet[Retrain]", reason: str) -> int:
    """Have another worker go on with what the last one left, or give up after `ATTEMPTS`."""
    given_up = running.filter(attempt__gte=ATTEMPTS).update(
        status=Status.FAILED,
        failure=f"{reason} That was attempt {ATTEMPTS} of {ATTEMPTS}. Find out why before you "
        "start it again.",
    )
    return given_up + running.update(
        status=Status.APPROVED,
        progress={"stage": "waiting", "message": f"{reason} The next worker goes on with it."},
    )


def _transition(
    retrain: Retrain, *, sources: list[str], verb: str, condition: Q | None = None, **changes: Any
) -> None:
    """Change a retrain in one conditional update, or refuse: it changed meanwhile."""
    in_source = Retrain.objects.filter(condition or Q(), pk=retrain.pk, status__in=sources)
    updated = in_source.update(**changes)
    retrain.refresh_from_db()
    if not updated:
        _refuse_unless(retrain, sources, verb)
        sentences = verdicts.changes(retrain) or ["It was judged again in this moment."]
        raise verdicts.outdated(retrain, sentences)


def _refuse_unless(retrain: Retrain, sources: list[str], verb: str) -> None:
    if retrain.status in sources:
        return
    decider = retrain.decided_by or retrain.approved_by
    decided_at = retrain.decided_at or retrain.approved_at
    raise WrongState(
        rule=f"A retrain can be {verb} once, while it is {' or '.join(sources)}.",
        received=f"retrain {retrain.pk} is {retrain.status}"
        + (f", by {decider} at {decided_at:%Y-%m-%d %H:%M} UTC" if decider and decided_at else ""),
        remedy="Open the retrain to see where it stands.",
    )
