import uuid

from django.db import models


class PublicReport(models.Model):
    """Everything that is public about a decided report. Its public pages read nothing else.

    It is rewritten whenever the report changes, and deleted when the report is withdrawn or queued.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.OneToOneField(
        "feedback.Report", on_delete=models.CASCADE, related_name="public"
    )
    day = models.DateField(help_text="Of the newest outcome; the minute could tell who it was.")
    state = models.CharField(max_length=10)
    kind = models.CharField(max_length=20)
    expected = models.CharField(max_length=40)
    decided = models.CharField(max_length=40, blank=True)
    groups = models.JSONField(default=dict)
    learnt_in = models.CharField(max_length=20, blank=True)
    answers = models.JSONField(help_text="said, model, now, newer, mistake, images; no scores")
    # What it can be filtered by: " label=drawings model=v1 group=medium=vector ".
    tags = models.TextField()

    class Meta:
        ordering = ["-day", "id"]
        indexes = [models.Index(fields=["-day", "id"], name="public_report_newest")]

    def __str__(self) -> str:
        return f"public report {self.pk}"
