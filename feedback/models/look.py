from typing import Any, NoReturn

from django.db import models

from feedback.models.ledger import AppendOnly


class Looks(models.QuerySet["Look"]):
    def update(self, **changes: Any) -> NoReturn:
        raise AppendOnly("What was looked at is never rewritten. Write another line.")

    def delete(self) -> NoReturn:
        raise AppendOnly("What was looked at is never deleted.")


class Look(models.Model):
    """Somebody saw a picture that is veiled, or did something with what was escalated."""

    class What(models.TextChoices):
        OPENED = "opened", "opened the report"
        SAW = "saw", "saw a picture"
        BLOCKED = "blocked", "blocked its pictures"
        HANDED_BACK = "handed back", "handed it back to triage"
        DELETED = "deleted", "deleted its pictures"

    # A number and not a link: the line stays when the report goes.
    report = models.PositiveBigIntegerField(db_index=True)
    picture = models.PositiveSmallIntegerField(null=True, help_text="Its place in the report.")
    by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=12, choices=What)
    note = models.TextField(max_length=2000, blank=True)
    escalated = models.BooleanField(help_text="Was the report escalated at that time?")
    at = models.DateTimeField(auto_now_add=True)

    objects = Looks.as_manager()

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("What was looked at is never rewritten. Write another line.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("What was looked at is never deleted.")
