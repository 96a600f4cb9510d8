from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q


class AuditSet(models.Model):
    """Frozen images on which models are measured, and never trained."""

    name = models.SlugField(unique=True)
    manifest_sha256 = models.CharField(max_length=64, unique=True)
    images = models.PositiveIntegerField()
    card = models.TextField(blank=True)
    # Whether anyone may see its images.
    public_images = models.BooleanField(default=False)
    confirmation = models.BooleanField(
        default=False,
        help_text="Whether it is opened only for candidates that are about to be promoted.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def manifest(self) -> Path:
        return Path(settings.MANIFESTS_DIR) / f"{self.manifest_sha256}.jsonl"


class Audit(models.Model):
    """The measured error rates of one model on one audit set."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    model = models.ForeignKey(
        "feedback.ModelVersion", on_delete=models.PROTECT, related_name="audits"
    )
    audit_set = models.ForeignKey(AuditSet, on_delete=models.PROTECT)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    progress = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(null=True, blank=True)
    # Nine tenths of the figures, and shown on only one page: most queries defer it.
    pairs = models.JSONField(default=list, blank=True)
    failure = models.TextField(blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-model__number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "audit_set"], name="one_audit_a_set"),
            models.CheckConstraint(
                condition=Q(status="done", figures__isnull=False, finished_at__isnull=False)
                | ~Q(status="done"),
                name="audit_done_has_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"audit of {self.model} on {self.audit_set}"

    @property
    def all_figures(self) -> dict[str, Any] | None:
        """The figures as `modeltrain.audit.evaluate.audit` returned them."""
        return self.figures and {**self.figures, "pairs": self.pairs}

    @property
    def predictions(self) -> Path:
        """The file with the model's prediction for every image of the set."""
        return Path(settings.RUNS_DIR) / "audits" / f"{self.model.sha256}-{self.audit_set.name}.npz"

    @property
    def parts(self) -> Path:
        """The folder with the predictions of each part, until the audit is finished."""
        return self.predictions.with_suffix(".parts")
