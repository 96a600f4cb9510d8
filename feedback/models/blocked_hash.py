from django.db import models


class BlockedHash(models.Model):
    """A PDQ hash of an image that must not be shown to anyone here."""

    pdq = models.CharField(max_length=64, unique=True)
    source = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "blocked hashes"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pdq__regex="^[0-9a-f]{64}$"), name="blocked_hash_is_pdq"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pdq[:12]}… from {self.source}"
