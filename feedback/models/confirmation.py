from django.db import models
from django.db.models import Q


class Confirmation(models.Model):
    """A candidate that the gate passed, judged once more on the confirmation set."""

    retrain = models.ForeignKey(
        "feedback.Retrain", on_delete=models.PROTECT, related_name="confirmations"
    )
    audit_set = models.ForeignKey(
        "feedback.AuditSet", on_delete=models.PROTECT, related_name="confirmations"
    )
    judged_against = models.ForeignKey(
        "feedback.ModelVersion", on_delete=models.PROTECT, related_name="+"
    )
    policy_sha256 = models.CharField(max_length=64)
    gate = models.JSONField(null=True, blank=True)
    requested_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    judged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["retrain", "audit_set", "judged_against", "policy_sha256"],
                name="one_confirmation_a_verdict",
            ),
            models.CheckConstraint(
                condition=Q(gate__isnull=True, judged_at__isnull=True)
                | Q(gate__isnull=False, judged_at__isnull=False),
                name="confirmation_has_result_and_time",
            ),
        ]

    def __str__(self) -> str:
        return f"confirmation of {self.retrain} on {self.audit_set}"
