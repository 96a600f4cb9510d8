from django.db import models
from django.db.models import F, Q


class Occlusion(models.Model):
    """How an image's score changes as each of its squares is greyed. It stores only numbers."""

    image = models.ForeignKey(
        "feedback.StoredImage", on_delete=models.CASCADE, related_name="occlusions"
    )
    model = models.ForeignKey("feedback.ModelVersion", on_delete=models.PROTECT)
    label = models.CharField(max_length=40, blank=True)
    score = models.FloatField(null=True, blank=True)
    # The label's score with each square greyed, for each row that is done.
    scores = models.JSONField(default=list)
    done = models.PositiveSmallIntegerField(default=0)
    rows = models.PositiveSmallIntegerField()
    failure = models.TextField(blank=True)
    touched_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["image", "model"], name="one_occlusion_a_model"),
            models.CheckConstraint(
                condition=Q(done=0) | Q(done__lte=F("rows"), score__isnull=False) & ~Q(label=""),
                name="occlusion_begun_has_a_score",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.image}, square by square"

    @property
    def finished(self) -> bool:
        return self.done == self.rows

    @property
    def under_way(self) -> bool:
        return not self.finished and not self.failure
