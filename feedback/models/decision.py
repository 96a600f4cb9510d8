import json
from pathlib import Path

from django.db import models
from django.db.models import Q

# Why a report is declined: a name, a title for the reviewer, and what the reporter is told.
REASONS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent.parent / "reasons.json").read_text()
)
OTHER = "other"


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
    because = models.CharField(max_length=30, blank=True, help_text="One of REASONS.")
    reason = models.TextField(max_length=2000, blank=True, help_text="A line to the reporter.")
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
                condition=Q(outcome="accepted") | ~Q(reason="") | ~Q(because__in=["", OTHER]),
                name="refusal_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(outcome="rejected") & ~Q(because="")
                | ~Q(outcome="rejected") & Q(because=""),
                name="declined_because_of_something",
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

    @property
    def told(self) -> list[str]:
        """Why, as the reporter reads it."""
        words = REASONS[self.because]["told"] if self.because else ""
        return [part for part in (words, self.reason) if part]
