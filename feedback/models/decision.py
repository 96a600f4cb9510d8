from django.db import models
from django.db.models import Q


class Decision(models.Model):
    """What one reviewer said of a report; it stands once it settles the report."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        ESCALATED = "escalated"

    report = models.ForeignKey(
        "feedback.Report", on_delete=models.CASCADE, related_name="decisions"
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    label = models.CharField(max_length=40, blank=True)
    groups = models.JSONField(default=dict, blank=True)
    reason = models.TextField(max_length=2000, blank=True)
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)
    # When it became the report's outcome, alone or because as many said the same as must.
    settled_at = models.DateTimeField(null=True, blank=True)
    # Groups that this reviewer named and another who agreed did not: the outcome is without them.
    left_out = models.JSONField(default=dict, blank=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["report", "by"],
                condition=Q(taken_back_at__isnull=True),
                name="one_decision_a_reviewer",
            ),
            models.UniqueConstraint(
                fields=["report"],
                condition=Q(taken_back_at__isnull=True, settled_at__isnull=False),
                name="one_decision_settles_a_report",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="accepted") | ~Q(label=""), name="accepted_has_a_label"
            ),
            models.CheckConstraint(
                condition=Q(outcome="accepted") | ~Q(reason=""), name="refusal_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report} {self.outcome}"

    @property
    def verdict(self) -> str:
        """What two reviewers must say alike to agree."""
        return self.label or self.outcome

    @property
    def stands(self) -> bool:
        return self.settled_at is not None and self.taken_back_at is None
