import secrets

from django.db import models
from django.db.models import Q
from django.utils import timezone

from feedback.models.report import Report


def new_nonce() -> str:
    return secrets.token_urlsafe(18)


class EmailAddress(models.Model):
    """Where a reporter wants news of a report. Deleted with the report, or earlier."""

    # Only these outcomes are mailed; the rest is on the receipt.
    NOTIFIED = (Report.Status.ACCEPTED, Report.Status.REJECTED, Report.Status.ANSWERED)
    MAX_ATTEMPTS = 5

    report = models.OneToOneField(Report, on_delete=models.CASCADE, related_name="email_address")
    address = models.EmailField()
    # Part of every link in an email, so that links stop working when this row is deleted.
    nonce = models.CharField(max_length=40, default=new_nonce, editable=False)
    site = models.CharField(max_length=200, help_text="As its reporter saw it: https://….")
    asked_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    told = models.PositiveBigIntegerField(default=0, help_text="The newest event written about.")
    failures = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "feedback_mailaddress"
        verbose_name_plural = "mail addresses"
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | Q(asked_at__isnull=False),
                name="confirmed_address_was_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"mail address of {self.report}"
