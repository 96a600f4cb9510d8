from django.db import models


class TrainingConfig(models.Model):
    """An operator's own config of a training, by the hash of its fields. It never changes."""

    sha256 = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=80, help_text="The name of the file that it came from.")
    fields = models.JSONField(help_text="Every field, with `recipe`, the recipe that it changes.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["added_at", "pk"]

    def __str__(self) -> str:
        return f"{self.title} ({self.sha256[:12]})"
