from collections.abc import Mapping

from django.db import models
from django.db.models import F, Q

from feedback.models.model_version import ModelVersion
from modeltrain.labels import NSFW

LOOKS_EXPLICIT = 0.5


class Example(models.Model):
    """One image in a report, and what the model said of it when it was reported."""

    report = models.ForeignKey("feedback.Report", on_delete=models.CASCADE, related_name="examples")
    position = models.PositiveSmallIntegerField()
    image = models.ForeignKey(
        "feedback.StoredImage", null=True, blank=True, on_delete=models.SET_NULL
    )
    image_sha256 = models.CharField(max_length=64, db_index=True)
    # The image that the model gets wrong, which this one equals but for the group.
    counterpart_of = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="counterpart"
    )
    # Of an image in a pair alone: the value that sets it apart from the other one.
    groups = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["report", "position"], name="one_example_a_position"),
            models.CheckConstraint(
                condition=Q(counterpart_of=None) | ~Q(counterpart_of=F("id")),
                name="counterpart_is_another_image",
            ),
        ]

    def __str__(self) -> str:
        return f"example {self.position} of {self.report}"

    def own(self, groups: Mapping[str, str]) -> dict[str, str]:
        """Of the groups of its report, those that hold for this image."""
        if self.counterpart_of_id and not self.groups:
            return {}  # nobody said on which axis it differs
        return {**groups, **self.groups}

    @property
    def then(self) -> "ExampleScore":
        """The answer that was reported."""
        return self.scored[0]

    @property
    def now(self) -> "ExampleScore":
        """The answer of the model in service, or of the newest that judged this example."""
        serving = [one for one in self.scored if one.model.status == ModelVersion.Status.CHAMPION]
        return (serving or self.scored)[-1]

    @property
    def explicit_score(self) -> float:
        """What the model in service gives the explicit labels together."""
        return float(sum(self.now.scores.get(label, 0) for label in NSFW))

    @property
    def looks_explicit(self) -> bool:
        """A person is asked once more before they see it."""
        return self.explicit_score >= LOOKS_EXPLICIT

    @property
    def scored(self) -> list["ExampleScore"]:
        return sorted(self.scores.all(), key=lambda score: score.model.number)


class ExampleScore(models.Model):
    """What one model says of one example."""

    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="scores")
    model = models.ForeignKey("feedback.ModelVersion", on_delete=models.PROTECT)
    label = models.CharField(max_length=40)
    scores = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "model"], name="one_score_a_model"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.example}: {self.label}"
