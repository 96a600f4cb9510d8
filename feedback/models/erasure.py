from django.db import models


class Erasure(models.Model):
    """A picture whose row is gone and whose traces in files must follow; then this row goes too."""

    report = models.ForeignKey("feedback.Report", null=True, on_delete=models.CASCADE)
    file = models.CharField(max_length=200, help_text="Where its pixels were kept.")
    name = models.CharField(max_length=64, help_text="What manifests call it.")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"erasure {self.pk}"
