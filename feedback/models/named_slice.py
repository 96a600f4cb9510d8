from django.db import models
from django.db.models import Q


class NamedSlice(models.Model):
    """Images of an audit set that a maintainer made a group. The manifest does not change."""

    audit_set = models.ForeignKey(
        "feedback.AuditSet", on_delete=models.PROTECT, related_name="named_slices"
    )
    # Null after the name was taken back.
    value = models.ForeignKey(
        "feedback.AxisValue", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    title = models.CharField(max_length=80)
    images = models.JSONField()
    found_with = models.ForeignKey(
        "feedback.ModelVersion", on_delete=models.PROTECT, related_name="+"
    )
    named_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField(auto_now_add=True)
    taken_back_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["audit_set", "value"], name="one_slice_a_name"),
            models.CheckConstraint(
                condition=Q(
                    value__isnull=False, taken_back_by__isnull=True, taken_back_at__isnull=True
                )
                | Q(value__isnull=True, taken_back_by__isnull=False, taken_back_at__isnull=False),
                name="slice_is_named_or_taken_back",
            ),
        ]

    def __str__(self) -> str:
        return self.title
