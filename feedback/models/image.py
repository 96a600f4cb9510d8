import secrets
from pathlib import Path
from typing import Any

from django.core.files.storage import Storage, storages
from django.db import models

from modeltrain.images.codec import erasable_name
from modeltrain.images.hashing import Pdq


def image_storage() -> Storage:
    return storages["images"]


def random_name(_image: "StoredImage", _filename: str) -> str:
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}.png"


class StoredImage(models.Model):
    """Re-encoded pixels of one image that a visitor submitted. Private."""

    sha256 = models.CharField("pixel SHA-256", max_length=64, db_index=True)
    # Its name in manifests and other files. It means nothing once this row is deleted.
    name = models.CharField(max_length=64, db_index=True, editable=False)
    pdq = models.CharField("PDQ hash", max_length=64, blank=True)
    pdq_quality = models.PositiveSmallIntegerField(default=0)
    # Reported images that are near-duplicates share it. It says nothing about what they show.
    cluster = models.BigIntegerField(null=True, blank=True, db_index=True, editable=False)
    file = models.FileField(storage=image_storage, upload_to=random_name)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = self.name or erasable_name(Path(str(self.file.name)), self.sha256)
        super().save(*args, **kwargs)

    @property
    def fingerprint(self) -> Pdq:
        return Pdq(bits=self.pdq, quality=self.pdq_quality)

    def __str__(self) -> str:
        return f"image {self.sha256[:12]}"
