import hashlib
import json
from typing import Any

from django.db import models

from feedback.models.append_only import AppendOnly

NOTHING_BEFORE = "0" * 64


def canonical(value: Any) -> str:
    """The one way to write a value as JSON: keys sorted, no spaces, no escapes but JSON's own."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class LedgerEntry(AppendOnly):
    """One thing that was decided, chained to the one before by its hash."""

    class Kind(models.TextChoices):
        GENESIS = "genesis", "The beginning"
        REPORT = "report", "Reports"
        DATASET = "dataset", "Datasets"
        AUDIT = "audit", "Audits"
        APPROVAL = "approval", "Approvals"
        GATE = "gate", "Gate verdicts"
        OVERRIDE = "override", "Overrides"
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
    # Two writers cannot both follow the same entry.
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
        """All that the hash is of."""
        return {
            "facts": self.facts,
            "kind": self.kind,
            "number": self.number,
            "previous": self.previous,
            "time": self.time,
        }

    @property
    def line(self) -> str:
        """As it stands in the download."""
        return canonical({**self.content, "hash": self.hash})
