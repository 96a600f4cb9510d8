import secrets
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from feedback.models.decision import Decision
    from feedback.models.example import Example


def new_receipt() -> str:
    return secrets.token_urlsafe(18)


class Report(models.Model):
    """A person's complaint: the model is wrong on these examples."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        SCREENING = "screening"
        QUEUED = "queued"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        APPEALED = "appealed"
        ESCALATED = "escalated"
        FOLDED = "folded"
        ANSWERED = "answered"
        WITHDRAWN = "withdrawn"
        GOLDEN = "golden"

    # A reviewer can decide it; a golden copy looks like any other report.
    OPEN = (Status.QUEUED, Status.GOLDEN)
    # Reviewers agreed, and have not taken it back.
    AGREED = (Status.ACCEPTED, Status.FOLDED, Status.ANSWERED)
    # Its outcome is public.
    PUBLIC = (*AGREED, Status.REJECTED)

    class Kind(models.TextChoices):
        MISCLASSIFIED = "misclassified", "The label is wrong"
        UNFAIR = "unfair", "The model is unfair to a group"

    receipt = models.CharField(max_length=40, unique=True, default=new_receipt, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED, db_index=True)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.MISCLASSIFIED)
    expected_label = models.CharField(max_length=40)
    groups = models.JSONField(default=dict, blank=True)
    subject = models.CharField(max_length=120, blank=True)
    description = models.TextField(max_length=2000, blank=True)
    # Why the reporter disagrees with the reviewer. One appeal is allowed.
    appeal = models.TextField(max_length=2000, blank=True)
    appealed_at = models.DateTimeField(null=True, blank=True)
    # Counts of a private audit, submitted without its images: see `services/evidence.py`.
    evidence = models.JSONField(default=dict, blank=True)
    consent_store = models.BooleanField(default=False)
    consent_train = models.BooleanField(default=False)
    # The reviewer who is deciding it, and until when it is reserved for them.
    claimed_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    # Since then two reviewers must agree on it, whatever the site's approval rule.
    second_opinion_at = models.DateTimeField(null=True, blank=True)
    folded_into = models.ForeignKey(
        "feedback.DatasetVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
    )
    # Of a withdrawn report: numbers of the dataset versions that contained its images.
    held_in = models.JSONField(default=list, blank=True, editable=False)
    # Of a golden copy: the golden case that it repeats. Reviewers cannot tell it from a report.
    golden = models.OneToOneField(
        "feedback.Golden",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="golden_copy",
    )
    # It came with too many others at once, and waits in quarantine, outside the queue.
    burst = models.ForeignKey(
        "feedback.Burst",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
    )
    # A keyed hash of the network address that it came from; replaced after SOURCE_DAYS.
    source = models.CharField(max_length=64, blank=True, editable=False)
    # The account whose token filed it, until the reporter replaces the receipt.
    filed_by = models.ForeignKey(
        "auth.User",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    idempotency_key = models.CharField(max_length=64, null=True, blank=True, unique=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    # Without this key nobody can tell which ledger entries are about this report.
    ledger_key = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(consent_train=False) | Q(consent_store=True),
                name="training_consent_needs_storing_consent",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["folded", "answered"]) | Q(folded_into__isnull=False),
                name="folded_report_names_its_dataset",
            ),
            models.CheckConstraint(
                condition=Q(status="golden", golden__isnull=False)
                | ~Q(status="golden") & Q(golden__isnull=True),
                name="twin_is_never_anything_else",
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.pk}"

    @property
    def pairs(self) -> list[tuple["Example", "Example"]]:
        """Pairs of the image that the model gets wrong, and its counterpart."""
        examples = {example.pk: example for example in self.examples.all()}
        return [
            (examples[example.counterpart_of_id], example)
            for example in examples.values()
            if example.counterpart_of_id
        ]

    @property
    def singles(self) -> list["Example"]:
        """Images that are not part of a pair."""
        paired = {example.pk for pair in self.pairs for example in pair}
        return [example for example in self.examples.all() if example.pk not in paired]

    @property
    def left_out_words(self) -> str:
        """Which of its images no model learns from, and why; nothing if models learn from all."""
        reasons: dict[str, list[str]] = {}
        for example in self.examples.all():
            if reason := example.why_not_learnt:
                reasons.setdefault(reason.label, []).append(f"image {example.position + 1}")
        parts = [f"{', '.join(images)} ({label})" for label, images in reasons.items()]
        return f"Left out: {'; '.join(parts)}." if parts else ""

    @property
    def decision(self) -> "Decision | None":
        """The decision that settled it and was not taken back."""
        return next((decision for decision in self.decisions.all() if decision.stands), None)


class ReportEvent(models.Model):
    """One step in a report's history."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="events")
    status = models.CharField(max_length=10, choices=Report.Status)
    note = models.TextField(blank=True)
    by = models.ForeignKey("auth.User", null=True, blank=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.report} {self.status}"
