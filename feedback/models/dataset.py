from pathlib import Path

from django.conf import settings
from django.db import models


class DatasetVersion(models.Model):
    """An immutable manifest, named by the hash of its bytes."""

    number = models.PositiveIntegerField(unique=True)
    manifest_sha256 = models.CharField(max_length=64, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    images = models.PositiveIntegerField()
    added = models.PositiveIntegerField(default=0)
    origin = models.JSONField(default=dict, blank=True)
    # Without this key nobody can tell which hash in the ledger belongs to this manifest.
    ledger_key = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"dataset {self.number}"

    @property
    def manifest(self) -> Path:
        return Path(settings.MANIFESTS_DIR) / f"{self.manifest_sha256}.jsonl"
