import json
from pathlib import Path

from django.db import models
from django.db.models import Q

# Reasons to reject a report: a name, a title for the reviewer, and what the reporter reads.
REASONS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent.parent / "reasons.json").read_text()
)
OTHER = "other"


class Decision(models.Model):
    """One reviewer's decision on a report. It stands once it settles the report."""

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
    # When it became the outcome: alone, or because enough reviewers agreed.
    settled_at = models.DateTimeField(null=True, blank=True)
    # Groups that this reviewer named and an agreeing reviewer did not. The outcome omits them.
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
        """What two reviewers must have in common to agree: the label, or else the outcome."""
        return self.label or self.outcome

    @property
    def stands(self) -> bool:
        return self.settled_at is not None and self.taken_back_at is None

    @property
    def explanation(self) -> list[str]:
        """The reasons that the reporter reads."""
        reason_text = REASONS[self.because]["told"] if self.because else ""
        return [text for text in (reason_text, self.reason) if text]
