import hashlib
import json
from typing import Any

from django.db import models

from feedback.models.append_only import AppendOnly

NOTHING_BEFORE = "0" * 64


def canonical(value: Any) -> str:
    """Serialize to canonical JSON: sorted keys, no spaces, only the escapes that JSON requires."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class LedgerEntry(AppendOnly):
    """A recorded decision, chained to the previous entry by its hash."""

    class Kind(models.TextChoices):
        GENESIS = "genesis", "The beginning"
        REPORT = "report", "Reports"
        DATASET = "dataset", "Datasets"
        AUDIT = "audit", "Audits"
        APPROVAL = "approval", "Approvals"
        GATE = "gate", "Gate verdicts"
        CONFIRM = "confirm", "Confirmations"
        OVERRIDE = "override", "Overrides"
        GAPS = "gaps", "Acknowledged gaps"
        PROMOTION = "promotion", "Promotions"
        DECLINE = "decline", "Declines"
        ROLLBACK = "rollback", "Rollbacks"
        EXPORT = "export", "Exports"
        DEFINITION = "definition", "Definitions"
        KEYS = "keys", "Keys"

    number = models.PositiveBigIntegerField(primary_key=True)
    time = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    facts = models.JSONField()
    # Unique, so that two writers cannot both follow the same entry.
    previous = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["kind", "number"], name="ledger_by_kind")]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"entry {self.number}"

    @property
    def content(self) -> dict[str, Any]:
        """The fields that the hash covers."""
        return {
            "facts": self.facts,
            "kind": self.kind,
            "number": self.number,
            "previous": self.previous,
            "time": self.time,
        }

    @property
    def line(self) -> str:
        """The entry as a line of the downloadable ledger."""
        return canonical({**self.content, "hash": self.hash})
