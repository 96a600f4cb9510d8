from django.db import models


class SampleAnswer(models.Model):
    """What a model says about one of the demo's samples, so that a page can show it at once."""

    model = models.ForeignKey("feedback.ModelVersion", on_delete=models.CASCADE)
    image_sha256 = models.CharField(max_length=64)
    label = models.CharField(max_length=40)
    scores = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "image_sha256"], name="one_answer_a_sample_and_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} on sample {self.image_sha256[:12]}: {self.label}"
