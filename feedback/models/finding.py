from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q


class Finding(models.Model):
    """The result of an analysis of an audited model beyond its rates."""

    class Kind(models.TextChoices):
        COUNTERFACTUAL = "counterfactual", "Images alike but for one thing"
        SLICES = "slices", "Groups that nobody named"
        INT8 = "int8", "In 8-bit integers, for browsers"
        PUBLISHED = "published", "Beside the other published models"

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    audit = models.ForeignKey("feedback.Audit", on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    progress = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(null=True, blank=True)
    failure = models.TextField(blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["audit", "kind"], name="one_finding_a_kind"),
            models.CheckConstraint(
                condition=Q(status="done", figures__isnull=False, finished_at__isnull=False)
                | ~Q(status="done"),
                name="finding_done_has_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.audit}"

    @property
    def folder(self) -> Path:
        return Path(settings.RUNS_DIR) / "findings" / str(self.pk)
