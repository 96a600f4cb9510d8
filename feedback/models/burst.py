from django.db import models


class Burst(models.Model):
    """Reports above the limit that came at once from one place. They wait in quarantine."""

    class Kind(models.TextChoices):
        NETWORK = "network", "from one network"
        PICTURES = "pictures", "with nearly the same image"

    kind = models.CharField(max_length=8, choices=Kind)
    began_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["began_at", "pk"]

    def __str__(self) -> str:
        return f"burst {self.pk} {self.get_kind_display()}"
