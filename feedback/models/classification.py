import uuid

from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q


def incoming_storage() -> Storage:
    return storages["incoming"]


def upload_name(classification: "Classification", _filename: str) -> str:
    return f"{classification.pk}.upload"


class Classification(models.Model):
    """One image that a visitor asked about. It is deleted within minutes unless it is reported."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    upload = models.FileField(storage=incoming_storage, upload_to=upload_name, blank=True)
    image = models.ForeignKey(
        "feedback.StoredImage", null=True, blank=True, on_delete=models.SET_NULL
    )
    image_sha256 = models.CharField(max_length=64, blank=True)
    model = models.ForeignKey(
        "feedback.ModelVersion", null=True, blank=True, on_delete=models.PROTECT
    )
    label = models.CharField(max_length=40, blank=True)
    scores = models.JSONField(default=dict, blank=True)
    problem = models.JSONField(
        default=dict, blank=True, help_text="Why it was refused: code, rule, received, remedy."
    )
    said_right = models.BooleanField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(status="done", model__isnull=False, finished_at__isnull=False)
                    & ~Q(label="")
                    & ~Q(scores={})
                )
                | (~Q(status="done") & Q(label="", scores={})),
                name="classification_done_has_an_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"classification {self.pk}"
