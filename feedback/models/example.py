from collections.abc import Mapping

from django.db import models
from django.db.models import F, Q

from feedback.models.model_version import ModelVersion
from modeltrain.labels import NSFW

LOOKS_EXPLICIT = 0.5


class NotLearnt(models.TextChoices):
    """Why an accepted image is left out of the data that models learn from.

    A label goes on with a sentence that begins "an image" or "images".
    """

    NO_CONSENT = "no consent", "sent without consent to train"
    NO_IMAGE = "no image", "of which only the answer is kept"
    AUDITED = "audited", "used to judge models, or nearly the same as one that is"
    PAIR = "pair", "paired with an image that is left out"
    HELD_BACK = (
        "held back",
        "held back for the next version of the data, since too many came at once from one network, "
        "in one hour, or of nearly the same image",
    )

    @classmethod
    def of(cls, *, consent: bool, has_image: bool, left_out: str) -> "NotLearnt | None":
        """The reason for an example with this consent, image and mark; None if it is learnt."""
        if not consent:
            return cls.NO_CONSENT
        if not has_image:
            return cls.NO_IMAGE
        return cls(left_out) if left_out else None


class Example(models.Model):
    """One image of a report, with the answers of models for it."""

    report = models.ForeignKey("feedback.Report", on_delete=models.CASCADE, related_name="examples")
    position = models.PositiveSmallIntegerField()
    image = models.ForeignKey(
        "feedback.StoredImage", null=True, blank=True, on_delete=models.SET_NULL
    )
    image_sha256 = models.CharField(max_length=64, db_index=True)
    # The image that the model gets wrong. This one differs from it only in its group.
    counterpart_of = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="counterpart"
    )
    # Only for an image in a pair: the group that distinguishes it from the other one.
    groups = models.JSONField(default=dict, blank=True)
    # As screening or the last fold left it; `why_not_learnt` has the other reasons, too.
    left_out = models.CharField(max_length=10, choices=NotLearnt, blank=True)

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

    def applicable_groups(self, report_groups: Mapping[str, str]) -> dict[str, str]:
        """Those of the report's groups that hold for this image, and its own."""
        if self.counterpart_of_id and not self.groups:
            return {}  # nobody said on which axis it differs
        return {**report_groups, **self.groups}

    @property
    def why_not_learnt(self) -> NotLearnt | None:
        """Why no model learns from it, if its report is accepted; None where one does."""
        return NotLearnt.of(
            consent=self.report.consent_train,
            has_image=self.image_id is not None,
            left_out=self.left_out,
        )

    @property
    def reported_score(self) -> "ExampleScore":
        """The answer that was reported."""
        return self.scored[0]

    @property
    def current_score(self) -> "ExampleScore":
        """The answer of the model in service, or of the newest model that judged this example."""
        scores = self.scored
        champion = [score for score in scores if score.model.status == ModelVersion.Status.CHAMPION]
        return (champion or scores)[-1]

    @property
    def explicit_score(self) -> float:
        """The sum of the scores that the model in service gives to the explicit labels."""
        return float(sum(self.current_score.scores.get(label, 0) for label in NSFW))

    @property
    def looks_explicit(self) -> bool:
        """Reviewers must confirm before they see it."""
        return self.explicit_score >= LOOKS_EXPLICIT

    @property
    def scored(self) -> list["ExampleScore"]:
        return sorted(self.scores.all(), key=lambda score: score.model.number)


class ExampleScore(models.Model):
    """One model's answer for one example."""

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
