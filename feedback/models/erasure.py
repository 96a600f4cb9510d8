from django.db import models


class Erasure(models.Model):
    """An image whose row is deleted and whose traces in files must follow; then this row goes."""

    report = models.ForeignKey("feedback.Report", null=True, on_delete=models.CASCADE)
    file = models.CharField(max_length=200, help_text="Where its pixels were kept.")
    name = models.CharField(max_length=64, help_text="What manifests call it.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"erasure {self.pk}"
