import secrets
import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from feedback.models.report import Report


def new_nonce() -> str:
    return secrets.token_urlsafe(18)


class Webhook(models.Model):
    """An address that is told of events by signed POST requests."""

    class Event(models.TextChoices):
        ADDED = "webhook.added", "This webhook was added"
        ACCEPTED = "report.accepted", "A report is accepted"
        REJECTED = "report.rejected", "A report is rejected"
        TAKEN_BACK = "report.taken_back", "The decision on a report is taken back"
        ANSWERED = "report.answered", "A model that learnt from a report is in service"
        AUDIT = "audit.finished", "An audit is finished or counted again"
        GATE = "gate.decided", "The gate has judged a candidate"
        PROMOTED = "model.promoted", "A model goes into service"
        ROLLED_BACK = "model.rolled_back", "An earlier model goes back into service"

    url = models.CharField(max_length=500)
    events = models.JSONField(default=list)
    # Their reports alone, with the receipts; everybody's, without, if it is nobody.
    account = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # The signing secret is derived from this and the site's key, and stored nowhere.
    nonce = models.CharField(max_length=40, default=new_nonce, editable=False)
    off_because = models.CharField(max_length=200, blank=True)
    # A worker is sending to it, at most until then.
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class WebhookDelivery(models.Model):
    """One event for one webhook. Written in the transaction of the event, and sent by a worker."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=Webhook.Event)
    # Deleted with the report's data: the body may have its receipt.
    report = models.ForeignKey(
        Report, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    body = models.TextField(help_text="As it is signed and sent, each time.")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=200, blank=True, help_text="To the last attempt.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["webhook", "status", "retry_at"], name="deliveries_that_are_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="delivered", delivered_at__isnull=False)
                | ~Q(status="delivered") & Q(delivered_at=None),
                name="delivered_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that receivers notice a repetition."""
        return f"msg_{self.pk.hex}"
