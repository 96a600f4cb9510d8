from django.db import models

from modeltrain.hashing import Pdq


class BlockedHash(models.Model):
    """A PDQ hash of a picture that nobody here may be shown."""

    pdq = models.CharField(max_length=64, unique=True)
    source = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "blocked hashes"

    @property
    def fingerprint(self) -> Pdq:
        return Pdq(bits=self.pdq, quality=100)

    def __str__(self) -> str:
        return f"{self.pdq[:12]}… from {self.source}"
