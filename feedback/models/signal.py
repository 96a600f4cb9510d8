from django.db import models
from django.db.models import Q

from modeltrain.labels import ErrorKind


class SignalDecision(models.Model):
    """A maintainer's decision on a signal. The newest one counts."""

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed by an audit"
        DISMISSED = "dismissed"

    value = models.ForeignKey(
        "feedback.AxisValue", on_delete=models.PROTECT, related_name="signal_decisions"
    )
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in ErrorKind])
    outcome = models.CharField(max_length=10, choices=Outcome)
    audit = models.ForeignKey(
        "feedback.Audit", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(max_length=2000, blank=True)
    reports = models.PositiveIntegerField()
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="confirmed", audit__isnull=False)
                | (Q(outcome="dismissed") & ~Q(reason="")),
                name="signal_decision_has_its_ground",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} {self.kind} {self.outcome}"
