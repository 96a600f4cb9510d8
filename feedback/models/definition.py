import json
from functools import cache
from pathlib import Path
from typing import Any

from django.db import models
from django.db.models import Q

from feedback.models.report import new_receipt

SHIPPED = Path(__file__).resolve().parent.parent / "definitions.json"


class Definition(models.Model):
    """One version of a label's definition. The first versions are in `definitions.json`."""

    label = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    meaning = models.TextField(max_length=500)
    borderline = models.JSONField(default=list, help_text='[{"picture": "…", "label": "…"}, …]')
    reason = models.TextField(max_length=2000)
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["label", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["label", "version"], name="one_definition_a_version"),
            models.CheckConstraint(condition=Q(version__gt=1), name="first_version_is_shipped"),
        ]

    def __str__(self) -> str:
        return f"{self.label}, version {self.version}"

    @classmethod
    def shipped(cls, label: str) -> "Definition":
        """Version 1, which has no row in the database."""
        return cls(label=label, version=1, **_shipped_definitions()[label])


@cache
def _shipped_definitions() -> dict[str, dict[str, Any]]:
    definitions: dict[str, dict[str, Any]] = json.loads(SHIPPED.read_text())
    return definitions


class Objection(models.Model):
    """A statement that a label's definition is wrong. It does not refer to an image."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    receipt = models.CharField(max_length=40, unique=True, default=new_receipt, editable=False)
    label = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField(help_text="Of the definition that it is about.")
    words = models.TextField(max_length=2000, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN, db_index=True)
    reason = models.TextField(max_length=2000, blank=True)
    decided_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["accepted", "declined"]) | ~Q(reason=""),
                name="decided_objection_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"objection {self.pk}"
