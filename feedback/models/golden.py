from django.db import models


class Golden(models.Model):
    """A decided report whose answer is sure: now and then it is asked again, as a case like any."""

    report = models.OneToOneField(
        "feedback.Report", on_delete=models.CASCADE, related_name="golden_case"
    )
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"golden case of {self.report}"


class GoldenAnswer(models.Model):
    """What a reviewer said of a golden case. It counts for nothing but how often they are right."""

    golden = models.ForeignKey(Golden, on_delete=models.CASCADE, related_name="answers")
    verdict = models.CharField(max_length=40, help_text="The label, or the outcome without one.")
    right = models.BooleanField()
    by = models.ForeignKey("auth.User", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["golden", "by"], name="one_golden_answer_a_reviewer"),
        ]

    def __str__(self) -> str:
        return f"{self.by} on {self.golden}"
