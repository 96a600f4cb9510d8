"""Append decisions to the ledger, and verify the ledger.

An entry is written in the transaction of the change that it records. Data that may have to be
erased enters as a keyed hash. The key is stored with the row, and deleted with it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from feedback.errors import ConfirmationNeeded
from feedback.models import (
    Audit,
    Confirmation,
    DatasetVersion,
    Decision,
    Definition,
    Finding,
    LedgerEntry,
    ModelVersion,
    Report,
    Retrain,
)
from feedback.models.ledger import NOTHING_BEFORE, canonical, sha256
from feedback.services import webhooks

Kind = LedgerEntry.Kind
SECOND, DAY = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"


def begin() -> None:
    """Write the first entry if the ledger is empty. Earlier history is not reconstructed."""
    if LedgerEntry.objects.exists():
        return
    says = "What happened on this site before this entry is not in the ledger."
    with suppress(IntegrityError), transaction.atomic():  # another process may write it first
        _append(1, NOTHING_BEFORE, Kind.GENESIS, {"says": says}, SECOND)


def write(
    kind: Kind, *, precision: str = SECOND, about: Report | None = None, **facts: Any
) -> LedgerEntry:
    """Append an entry, inside the transaction of the change that it records, and tell webhooks.

    No other process can append until that transaction ends, so call this late: after changing rows
    that other processes may wait for.
    """
    begin()
    with transaction.atomic():
        # The first entry is the lock. The last entry may only be read while holding it.
        LedgerEntry.objects.select_for_update().get(number=1)
        last = LedgerEntry.objects.latest("number")
        entry = _append(last.number + 1, last.hash, kind, facts, precision)
        webhooks.record(entry, report=about)
        return entry


def _append(
    number: int, previous: str, kind: Kind, facts: dict[str, Any], precision: str
) -> LedgerEntry:
    _refuse_fractions(facts)
    entry = LedgerEntry(
        number=number,
        time=timezone.now().strftime(precision),
        kind=kind.value,
        facts=facts,
        previous=previous,
    )
    entry.hash = sha256(entry.content)
    entry.save()
    return entry


def _refuse_fractions(value: Any) -> None:
    """Fractions are not allowed: programming languages write them differently."""
    if isinstance(value, float):
        raise TypeError(
            f"The ledger holds no fractions. Received: {value!r}. Write it as a string."
        )
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_fractions(item)


def keyed(row: Report | DatasetVersion, value: Any) -> str:
    """The keyed hash of `value`. The row's key is created when it is first needed."""
    row.refresh_from_db(fields=["ledger_key"])
    if not row.ledger_key:
        row.ledger_key = secrets.token_hex(32)
        row.save(update_fields=["ledger_key"])
    return _hmac(row.ledger_key, value)


def _hmac(key: str, value: Any) -> str:
    return hmac.new(bytes.fromhex(key), canonical(value).encode(), hashlib.sha256).hexdigest()


def erase_keys(report: Report) -> None:
    """Erase the keys that link entries to this report and to the datasets that included it."""
    if report.events.filter(status=Report.Status.FOLDED).exists():
        DatasetVersion.objects.filter(
            Q(pk=report.folded_into_id) | Q(created_at__gte=report.created_at)
        ).update(ledger_key="")
    Report.objects.filter(pk=report.pk).update(ledger_key="")
    report.ledger_key = ""


def name_of(user: User) -> str:
    """The name by which pages show people who act for the site."""
    return user.get_full_name() or user.get_username()


def record_report(
    *, report: Report, outcome: str, decision: Decision | None = None, **facts: Any
) -> None:
    """Record a report's outcome and the day. The exact time could reveal whose report it is."""
    if decision:
        facts["sealed"] = keyed(report, _sealed(report, decision))
    facts["report"] = keyed(report, _name(report))
    write(Kind.REPORT, precision=DAY, about=report, outcome=outcome, **facts)


def _name(report: Report) -> str:
    return f"report {report.pk}"


def _sealed(report: Report, decision: Decision) -> dict[str, Any]:
    """The decision in full. Its keyed hash lets anyone who has the key check it."""
    return {
        "outcome": decision.outcome,
        "kind": report.kind,
        "expected": report.expected_label,
        "label": decision.label,
        "groups": decision.groups,
        "images": [example.image_sha256 for example in report.examples.all()],
    }


def record_dataset(dataset: DatasetVersion) -> None:
    write(
        Kind.DATASET,
        dataset=dataset.number,
        parent=dataset.parent.number if dataset.parent else None,
        images=dataset.images,
        added=dataset.added,
        manifest=keyed(dataset, dataset.manifest_sha256),
    )


def record_audit(audit: Audit) -> None:
    write(
        Kind.AUDIT,
        **_model(audit.model),
        audit_set=audit.audit_set.name,
        manifest_sha256=audit.audit_set.manifest_sha256,
        figures_sha256=sha256(audit.all_figures),
    )


def record_approval(retrain: Retrain, *, by: User, keys: int) -> None:
    write(
        Kind.APPROVAL,
        retrain=retrain.pk,
        base=retrain.base.version,
        dataset=retrain.dataset.number,
        recipe=retrain.recipe,
        proposed_by=name_of(retrain.proposed_by),
        by=name_of(by),
        keys=keys,
    )


def record_approval_rule(*, before: int, number: int, by: User) -> None:
    """Record how many reviewers must agree from now on."""
    write(Kind.KEYS, keys=number, before=before, by=name_of(by))


def record_gate(retrain: Retrain) -> None:
    write(
        Kind.GATE,
        retrain=retrain.pk,
        **_model(retrain.candidate),
        against=(retrain.judged_against or retrain.base).version,
        audit_set=retrain.audit_set.name if retrain.audit_set else None,
        **_verdict(retrain.gate or {}),
    )


def record_confirmation(confirmation: Confirmation) -> None:
    """Record that the confirmation set was opened for a candidate, and its verdict."""
    write(
        Kind.CONFIRM,
        retrain=confirmation.retrain.pk,
        **_model(confirmation.retrain.candidate),
        against=confirmation.judged_against.version,
        audit_set=confirmation.audit_set.name,
        **_verdict(confirmation.gate or {}),
        by=name_of(confirmation.requested_by),
    )


def _verdict(gate: Mapping[str, Any]) -> dict[str, Any]:
    policy = gate.get("policy", {})
    return {
        "verdict": gate["verdict"],
        "policy": policy.get("version"),
        "policy_sha256": sha256(policy),
        "result_sha256": sha256(gate),
    }


def record_definition(definition: Definition) -> None:
    write(
        Kind.DEFINITION,
        label=definition.label,
        version=definition.version,
        meaning=definition.meaning,
        borderline=definition.borderline,
        reason=definition.reason,
        by=name_of(definition.by),
    )


def record_export(finding: Finding) -> None:
    """Record the gate's verdict on a quantized model, compared with the original."""
    figures = finding.figures or {}
    write(
        Kind.EXPORT,
        **_model(finding.audit.model),
        audit_set=finding.audit.audit_set.name,
        export_sha256=figures["sha256"],
        **_verdict(figures["gate"]),
    )


def record_override(
    retrain: Retrain, *, by: User, unconfirmed: ConfirmationNeeded | None = None
) -> None:
    """Record a promotion past the gate, or past the confirmation set and what that said."""
    facts = {"confirmation": unconfirmed.received} if unconfirmed else {}
    _record_judgement(Kind.OVERRIDE, retrain, by, **facts)


def record_gaps(retrain: Retrain, *, by: User) -> None:
    """Record which gaps between groups a maintainer confirmed to have read."""
    write(
        Kind.GAPS,
        retrain=retrain.pk,
        **_model(retrain.candidate),
        gaps=[
            {name: gap[name] for name in ("axis", "value", "sentence")}
            for gap in (retrain.gate or {})["gaps"]
        ],
        by=name_of(by),
    )


def record_decline(retrain: Retrain, *, by: User) -> None:
    _record_judgement(Kind.DECLINE, retrain, by)


def _record_judgement(kind: LedgerEntry.Kind, retrain: Retrain, by: User, **facts: Any) -> None:
    """Record a maintainer's decision on a candidate, next to the gate's verdict."""
    write(
        kind,
        retrain=retrain.pk,
        **_model(retrain.candidate),
        verdict=(retrain.gate or {}).get("verdict"),
        reason=retrain.override_reason,
        by=name_of(by),
        **facts,
    )


def record_promotion(
    model: ModelVersion, *, after: ModelVersion | None, by: User | None, reason: str = ""
) -> None:
    """Record that a model goes into service: a rollback if it was in service before."""
    stated = {"reason": reason} if reason else {}
    facts: dict[str, Any] = _model(model) | stated
    write(
        Kind.ROLLBACK if model.promoted_at else Kind.PROMOTION,
        after=after.version if after else None,
        by=name_of(by) if by else None,
        **facts,
    )


def _model(model: ModelVersion | None) -> dict[str, Any]:
    return {"model": model.version, "artifact_sha256": model.sha256} if model else {}


def problems(*, head: str = "") -> Iterator[str]:
    """Verify the hash chain, and describe each entry that is wrong.

    Parameters
    ----------
    head : str
        The hash of an entry, noted earlier. Only this can show that the newest entries were
        removed, or that the whole ledger was rewritten.
    """
    number, previous, seen = 0, NOTHING_BEFORE, not head
    for entry in LedgerEntry.objects.order_by("number").iterator(2000):
        if entry.number != number + 1:
            yield f"Entries {number + 1} to {entry.number - 1} are missing."
        elif entry.previous != previous:
            yield f"Entry {entry.number} does not follow entry {number}: one of them was replaced."
        if entry.hash != sha256(entry.content):
            yield f"Entry {entry.number} was changed: its hash is not that of its content."
        number, previous = entry.number, entry.hash
        seen = seen or entry.hash == head
    if not number:
        yield "There is no entry, not even the first."
    if not seen:
        yield "No entry has the hash that was noted: newer entries were cut off, or written anew."


def contradictions() -> Iterator[str]:
    """Compare the ledger with the database: figures, verdicts, datasets and decisions."""
    keyed_reports = Report.objects.exclude(ledger_key="").prefetch_related("decisions", "examples")
    decided = {
        _hmac(report.ledger_key, _name(report)): {
            _hmac(report.ledger_key, _sealed(report, decision))
            for decision in report.decisions.all()
        }
        for report in keyed_reports.iterator(2000)
    }
    # An audit that was counted again, or a candidate that was judged again, has several entries.
    # Only the last one must match.
    last_entries = {
        _subject(kind, facts): number
        for kind, number, facts in LedgerEntry.objects.filter(kind__in=[Kind.AUDIT, Kind.GATE])
        .order_by("number")
        .values_list("kind", "number", "facts")
    }
    for entry in LedgerEntry.objects.order_by("number").iterator(2000):
        facts, matches = entry.facts, True
        if last_entries.get(_subject(entry.kind, facts), entry.number) != entry.number:
            continue
        if entry.kind == Kind.AUDIT:
            audit = Audit.objects.filter(
                model__number=facts["model"].removeprefix("v"), audit_set__name=facts["audit_set"]
            ).first()
            matches = audit is not None and sha256(audit.all_figures) == facts["figures_sha256"]
        elif entry.kind == Kind.GATE:
            retrain = Retrain.objects.filter(pk=facts["retrain"]).first()
            matches = retrain is not None and sha256(retrain.gate) == facts["result_sha256"]
        elif entry.kind == Kind.CONFIRM:
            results = Confirmation.objects.filter(
                retrain=facts["retrain"], audit_set__name=facts["audit_set"], gate__isnull=False
            ).values_list("gate", flat=True)
            matches = facts["result_sha256"] in map(sha256, results)
        elif entry.kind == Kind.GAPS:
            retrain = Retrain.objects.filter(pk=facts["retrain"]).first()
            names = {f"{gap['axis']}={gap['value']}" for gap in facts["gaps"]}
            matches = retrain is not None and set(retrain.acknowledged_gaps) == names
        elif entry.kind == Kind.EXPORT:
            export = Finding.objects.filter(
                kind=Finding.Kind.INT8, figures__sha256=facts["export_sha256"]
            ).first()
            matches = (
                export is not None
                and sha256((export.figures or {})["gate"]) == facts["result_sha256"]
            )
        elif entry.kind == Kind.DATASET:
            dataset = DatasetVersion.objects.filter(number=facts["dataset"]).first()
            matches = dataset is not None and (
                not dataset.ledger_key
                or _hmac(dataset.ledger_key, dataset.manifest_sha256) == facts["manifest"]
            )
        elif entry.kind == Kind.REPORT and "sealed" in facts:
            matches = facts["sealed"] in decided.get(facts["report"], [facts["sealed"]])
        if not matches:
            yield f"Entry {entry.number} ({entry.kind}) is not what the database holds now."


def _subject(kind: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What an entry is about, if a later entry may replace it."""
    if kind == Kind.AUDIT:
        return kind, facts["model"], facts["audit_set"]
    if kind == Kind.GATE:
        return kind, str(facts["retrain"])
    return ()
