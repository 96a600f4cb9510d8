from django.db import models

from feedback.models.append_only import AppendOnly


class Look(AppendOnly):
    """Who looked at a blurred image, or acted on an escalated report."""

    class Action(models.TextChoices):
        OPENED = "opened", "opened the report"
        SAW = "saw", "saw an image"
        BLOCKED = "blocked", "blocked its images"
        HANDED_BACK = "handed back", "handed it back to triage"
        DELETED = "deleted", "deleted its images"

    # A number, not a foreign key: the row stays when the report is deleted.
    report = models.PositiveBigIntegerField(db_index=True)
    picture = models.PositiveSmallIntegerField(null=True, help_text="Its place in the report.")
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=12, choices=Action)
    note = models.TextField(max_length=2000, blank=True)
    escalated = models.BooleanField(help_text="Was the report escalated at that time?")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(what__in=["blocked", "handed back", "deleted"])
                | ~models.Q(note=""),
                name="what_safety_does_has_a_note",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by} {self.what} {self.report}"
