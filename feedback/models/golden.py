from django.db import models


class Golden(models.Model):
    """A decided report whose answer is certain. Now and then reviewers are asked it again."""

    report = models.OneToOneField(
        "feedback.Report", on_delete=models.CASCADE, related_name="golden_case"
    )
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"golden case of {self.report}"


class GoldenAnswer(models.Model):
    """A reviewer's answer to a golden case. It only counts towards how often they are right."""

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
