from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q


class ModelVersions(models.QuerySet["ModelVersion"]):
    def champion(self) -> "ModelVersion":
        return self.get(status=ModelVersion.Status.CHAMPION)


class ModelVersion(models.Model):
    """A model artifact and its status."""

    class Status(models.TextChoices):
        CANDIDATE = "candidate"
        CHAMPION = "champion"
        RETIRED = "retired"

    number = models.PositiveIntegerField(unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status, default=Status.CANDIDATE)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True)
    # What is wrong with the artifact's files, as found when they were last checked; else empty.
    damage = models.TextField(blank=True, default="")

    objects = ModelVersions.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="champion"), name="one_champion"
            ),
            models.CheckConstraint(
                condition=Q(status="candidate") | Q(promoted_at__isnull=False),
                name="model_in_service_was_promoted",
            ),
        ]

    def __str__(self) -> str:
        return self.version

    @property
    def version(self) -> str:
        return f"v{self.number}"

    @property
    def folder(self) -> Path:
        return Path(settings.ARTIFACTS_DIR) / self.sha256[:12]
