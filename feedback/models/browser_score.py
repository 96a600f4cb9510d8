from django.db import models
from django.db.models import Q


class BrowserScore(models.Model):
    """The answer of the reporter's own browser for an example, from before it was sent."""

    class Graph(models.TextChoices):
        INT8 = "int8", "rounded to 8 bits"
        FLOAT32 = "float32", "as it is"

    # How far scores may differ: by the export, and by the hardware.
    TOLERANCE = {Graph.INT8: 0.03, Graph.FLOAT32: 0.001}

    example = models.OneToOneField(
        "feedback.Example", on_delete=models.CASCADE, related_name="in_browser"
    )
    model = models.ForeignKey("feedback.ModelVersion", on_delete=models.PROTECT)
    graph = models.CharField(max_length=10, choices=Graph)
    label = models.CharField(max_length=40)
    scores = models.JSONField()
    distance = models.FloatField(
        null=True,
        blank=True,
        help_text="The largest difference of any score from the server's, of the same model.",
    )
    drifted = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(drifted=False) | Q(distance__isnull=False),
                name="drift_has_a_distance",
            ),
        ]

    @property
    def tolerance(self) -> float:
        return self.TOLERANCE[self.Graph(self.graph)]

    def __str__(self) -> str:
        return f"{self.model} on {self.example} in a browser: {self.label}"
