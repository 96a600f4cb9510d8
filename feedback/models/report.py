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

    # A reviewer can decide it; a golden one looks like any other.
    OPEN = (Status.QUEUED, Status.GOLDEN)
    # A reviewer agreed, and has not taken it back.
    AGREED = (Status.ACCEPTED, Status.FOLDED, Status.ANSWERED)
    # Anybody may read what became of it.
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
    # Why the reporter does not agree with the reviewer; asked once.
    appeal = models.TextField(max_length=2000, blank=True)
    appealed_at = models.DateTimeField(null=True, blank=True)
    # Counts of a private audit, handed in without its images: `services/evidence.py` says which.
    evidence = models.JSONField(default=dict, blank=True)
    consent_store = models.BooleanField(default=False)
    consent_train = models.BooleanField(default=False)
    # Who has it in hand to decide it, and until when.
    claimed_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    # From then on two reviewers must agree on it, however many keys the site has.
    second_opinion_at = models.DateTimeField(null=True, blank=True)
    folded_into = models.ForeignKey(
        "feedback.DatasetVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
    )
    # Of a withdrawn report: numbers of the dataset versions that held its pictures.
    held_in = models.JSONField(default=list, blank=True, editable=False)
    # Asked again without anybody knowing: the golden case that this is a twin of.
    golden = models.OneToOneField(
        "feedback.Golden",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="twin",
    )
    # It came with too many others at once, and waits apart from the queue.
    burst = models.ForeignKey(
        "feedback.Burst",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
    )
    # A keyed hash of the address that it came from, for a while.
    source = models.CharField(max_length=64, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=64, null=True, blank=True, unique=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    # Without it nobody can tell which entries of the ledger are about this report.
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
        """The image that the model gets wrong, and its counterpart."""
        every = {one.pk: one for one in self.examples.all()}
        return [
            (every[one.counterpart_of_id], one) for one in every.values() if one.counterpart_of_id
        ]

    @property
    def singles(self) -> list["Example"]:
        """Images that are no part of a pair."""
        paired = {one.pk for pair in self.pairs for one in pair}
        return [one for one in self.examples.all() if one.pk not in paired]

    @property
    def decision(self) -> "Decision | None":
        """The one that settled it, and stands."""
        return next((one for one in self.decisions.all() if one.stands), None)


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
