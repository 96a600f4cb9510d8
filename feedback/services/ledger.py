"""Write what was decided to the end of the ledger, and check the whole of it.

An entry is written in the transaction of the change that it tells of. What may have to be erased
enters as a keyed hash; the key is kept with the row, and goes with it.
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

from feedback.models import (
    Audit,
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

Kind = LedgerEntry.Kind
SECOND, DAY = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"


def begin() -> None:
    """Write the first entry where there is none. History before it is not invented."""
    if LedgerEntry.objects.exists():
        return
    says = "What happened on this site before this entry is not in the ledger."
    with suppress(IntegrityError), transaction.atomic():  # somebody else was quicker
        _append(1, NOTHING_BEFORE, Kind.GENESIS, {"says": says}, SECOND)


def write(kind: Kind, *, precision: str = SECOND, **facts: Any) -> LedgerEntry:
    """Write one entry; called inside the transaction of what it tells of.

    Nobody else can write until that ends, so call it late: after rows that others may wait for.
    """
    begin()
    with transaction.atomic():
        # Whoever holds the first entry writes; the last is read only then.
        LedgerEntry.objects.select_for_update().get(number=1)
        last = LedgerEntry.objects.latest("number")
        return _append(last.number + 1, last.hash, kind, facts, precision)


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
    """No two languages write every fraction the same."""
    if isinstance(value, float):
        raise TypeError(
            f"The ledger holds no fractions. Received: {value!r}. Write it as a string."
        )
    inside = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for one in inside:
            _refuse_fractions(one)


def keyed(row: Report | DatasetVersion, value: Any) -> str:
    """The hash of `value` under the key of its row, which is made when it is first needed."""
    row.refresh_from_db(fields=["ledger_key"])
    if not row.ledger_key:
        row.ledger_key = secrets.token_hex(32)
        row.save(update_fields=["ledger_key"])
    return _keyed(row.ledger_key, value)


def _keyed(key: str, value: Any) -> str:
    return hmac.new(bytes.fromhex(key), canonical(value).encode(), hashlib.sha256).hexdigest()


def forget(report: Report) -> None:
    """Erase the keys that link entries to this report, and to the datasets that held it."""
    if report.events.filter(status=Report.Status.FOLDED).exists():
        DatasetVersion.objects.filter(
            Q(pk=report.folded_into_id) | Q(created_at__gte=report.created_at)
        ).update(ledger_key="")
    Report.objects.filter(pk=report.pk).update(ledger_key="")
    report.ledger_key = ""


def name_of(by: User) -> str:
    """As the pages name whoever acts for the site."""
    return by.get_full_name() or by.get_username()


def report(*, report: Report, outcome: str, decision: Decision | None = None, **facts: Any) -> None:
    """What became of a report, by the day: the minute could tell whose it is."""
    if decision:
        facts["sealed"] = keyed(report, _sealed(report, decision))
    facts["report"] = keyed(report, _name(report))
    write(Kind.REPORT, precision=DAY, outcome=outcome, **facts)


def _name(report: Report) -> str:
    return f"report {report.pk}"


def _sealed(report: Report, decision: Decision) -> dict[str, Any]:
    """What was decided, for whoever holds the key to check."""
    return {
        "outcome": decision.outcome,
        "kind": report.kind,
        "expected": report.expected_label,
        "label": decision.label,
        "groups": decision.groups,
        "images": [example.image_sha256 for example in report.examples.all()],
    }


def dataset(dataset: DatasetVersion) -> None:
    write(
        Kind.DATASET,
        dataset=dataset.number,
        parent=dataset.parent.number if dataset.parent else None,
        images=dataset.images,
        added=dataset.added,
        manifest=keyed(dataset, dataset.manifest_sha256),
    )


def audit(audit: Audit) -> None:
    write(
        Kind.AUDIT,
        **_model(audit.model),
        audit_set=audit.audit_set.name,
        manifest_sha256=audit.audit_set.manifest_sha256,
        figures_sha256=sha256(audit.all_figures),
    )


def approval(retrain: Retrain, *, by: User, keys: int) -> None:
    write(
        Kind.APPROVAL,
        retrain=retrain.pk,
        base=retrain.base.version,
        dataset=retrain.dataset.number,
        proposed_by=name_of(retrain.proposed_by),
        by=name_of(by),
        keys=keys,
    )


def keys(*, before: int, number: int, by: User) -> None:
    """How many reviewers must agree from now on."""
    write(Kind.KEYS, keys=number, before=before, by=name_of(by))


def gate(retrain: Retrain) -> None:
    write(
        Kind.GATE,
        retrain=retrain.pk,
        **_model(retrain.candidate),
        against=retrain.base.version,
        **_verdict(retrain.gate or {}),
    )


def _verdict(gate: Mapping[str, Any]) -> dict[str, Any]:
    policy = gate.get("policy", {})
    return {
        "verdict": gate["verdict"],
        "policy": policy.get("version"),
        "policy_sha256": sha256(policy),
        "result_sha256": sha256(gate),
    }


def definition(made: Definition) -> None:
    write(
        Kind.DEFINITION,
        label=made.label,
        version=made.version,
        meaning=made.meaning,
        borderline=made.borderline,
        reason=made.reason,
        by=name_of(made.by),
    )


def export(finding: Finding) -> None:
    """What the gate said of a model in 8-bit integers, compared with the model itself."""
    found = finding.figures or {}
    write(
        Kind.EXPORT,
        **_model(finding.audit.model),
        audit_set=finding.audit.audit_set.name,
        export_sha256=found["sha256"],
        **_verdict(found["gate"]),
    )


def override(retrain: Retrain, *, by: User) -> None:
    _judge(Kind.OVERRIDE, retrain, by)


def decline(retrain: Retrain, *, by: User) -> None:
    _judge(Kind.DECLINE, retrain, by)


def _judge(kind: LedgerEntry.Kind, retrain: Retrain, by: User) -> None:
    """What a maintainer said of a candidate, beside what the gate said."""
    write(
        kind,
        retrain=retrain.pk,
        **_model(retrain.candidate),
        verdict=(retrain.gate or {}).get("verdict"),
        reason=retrain.override_reason,
        by=name_of(by),
    )


def service(
    model: ModelVersion, *, after: ModelVersion | None, by: User | None, reason: str = ""
) -> None:
    """A model goes into service; one that was there before comes back."""
    write(
        Kind.ROLLBACK if model.promoted_at else Kind.PROMOTION,
        **_model(model),
        after=after.version if after else None,
        by=name_of(by) if by else None,
        **({"reason": reason} if reason else {}),
    )


def _model(model: ModelVersion | None) -> dict[str, str]:
    return {"model": model.version, "artifact_sha256": model.sha256} if model else {}


def problems(*, head: str = "") -> Iterator[str]:
    """What is wrong with the ledger, each entry named.

    Parameters
    ----------
    head : str
        A hash that was noted earlier. Only it can show that the newest entries were cut off, or
        that all of them were written anew.
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
    """Where the database no longer holds what an entry says: figures, verdicts, decisions."""
    keyed_reports = Report.objects.exclude(ledger_key="").prefetch_related("decisions", "examples")
    decided = {
        _keyed(report.ledger_key, _name(report)): {
            _keyed(report.ledger_key, _sealed(report, one)) for one in report.decisions.all()
        }
        for report in keyed_reports.iterator(2000)
    }
    # An audit that was counted again has an entry for each time; the last one holds.
    last = {
        (facts["model"], facts["audit_set"]): number
        for number, facts in LedgerEntry.objects.filter(kind=Kind.AUDIT)
        .order_by("number")
        .values_list("number", "facts")
    }
    for entry in LedgerEntry.objects.order_by("number").iterator(2000):
        facts, kept = entry.facts, True
        if entry.kind == Kind.AUDIT:
            if last[facts["model"], facts["audit_set"]] != entry.number:
                continue
            done = Audit.objects.filter(
                model__number=facts["model"].removeprefix("v"), audit_set__name=facts["audit_set"]
            ).first()
            kept = done is not None and sha256(done.all_figures) == facts["figures_sha256"]
        elif entry.kind == Kind.GATE:
            judged = Retrain.objects.filter(pk=facts["retrain"]).first()
            kept = judged is not None and sha256(judged.gate) == facts["result_sha256"]
        elif entry.kind == Kind.EXPORT:
            found = Finding.objects.filter(
                kind=Finding.Kind.INT8, figures__sha256=facts["export_sha256"]
            ).first()
            kept = (
                found is not None
                and sha256((found.figures or {})["gate"]) == facts["result_sha256"]
            )
        elif entry.kind == Kind.DATASET:
            made = DatasetVersion.objects.filter(number=facts["dataset"]).first()
            kept = made is not None and (
                not made.ledger_key
                or _keyed(made.ledger_key, made.manifest_sha256) == facts["manifest"]
            )
        elif entry.kind == Kind.REPORT and "sealed" in facts:
            kept = facts["sealed"] in decided.get(facts["report"], [facts["sealed"]])
        if not kept:
            yield f"Entry {entry.number} ({entry.kind}) is not what the database holds now."
