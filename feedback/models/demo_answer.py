from django.db import models


class DemoAnswer(models.Model):
    """A visitor's verdict on a model's answer. The image is not stored."""

    model = models.ForeignKey(
        "feedback.ModelVersion", on_delete=models.PROTECT, related_name="demo_answers"
    )
    label = models.CharField(max_length=40)
    scores = models.JSONField()
    right = models.BooleanField()
    day = models.DateField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["label", "right"], name="demo_answer_counts")]

    def __str__(self) -> str:
        return f"{self.label}, {'right' if self.right else 'wrong'}"
