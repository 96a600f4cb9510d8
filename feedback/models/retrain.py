from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q


class Retrain(models.Model):
    """An attempt at a better model, from proposal to decision."""

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        APPROVED = "approved"
        RUNNING = "running"
        EVALUATED = "evaluated"
        PROMOTED = "promoted"
        DECLINED = "declined"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (Status.PROPOSED, Status.APPROVED, Status.RUNNING, Status.EVALUATED)

    status = models.CharField(max_length=10, choices=Status, default=Status.PROPOSED)
    base = models.ForeignKey(
        "feedback.ModelVersion", on_delete=models.PROTECT, related_name="retrains"
    )
    dataset = models.ForeignKey("feedback.DatasetVersion", on_delete=models.PROTECT)
    recipe = models.CharField(
        max_length=64,
        default="head",
        help_text="How the candidate is trained: a recipe's name, or the hash of a config.",
    )
    config = models.CharField(
        max_length=40, help_text="The kind of training: the recipe, or the one that it changes."
    )
    estimate = models.JSONField(
        default=dict,
        blank=True,
        help_text="What it was expected to cost when it was proposed: seconds and images.",
    )
    stages = models.JSONField(
        default=dict, blank=True, help_text="The seconds that each stage took, and of how much."
    )
    audit_set = models.ForeignKey(
        "feedback.AuditSet",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retrains",
        help_text="The images on which the gate judged.",
    )
    candidate = models.OneToOneField(
        "feedback.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retrain",
    )
    progress = models.JSONField(default=dict, blank=True)
    gate = models.JSONField(null=True, blank=True)
    judged_against = models.ForeignKey(
        "feedback.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The model that the gate compared the candidate with.",
    )
    policy_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the policy with which the gate judged."
    )
    recomputed_gate = models.JSONField(
        null=True,
        blank=True,
        help_text="The result of a later policy, beside the one that was decided by.",
    )
    recomputed_policy_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the policy of the recomputed result."
    )
    recomputed_at = models.DateTimeField(null=True, blank=True)
    failure = models.TextField(blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(
        default=0, help_text="Which worker runs it: one that is thought lost may write no more."
    )
    proposed_by = models.ForeignKey("auth.User", on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        "auth.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    acknowledged_gaps = models.JSONField(
        default=list,
        blank=True,
        help_text="Groups whose gaps the promoting maintainer confirmed to have read.",
    )
    override_reason = models.TextField(max_length=2000, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["base", "recipe"],
                condition=Q(status__in=["proposed", "approved", "running", "evaluated"]),
                name="one_open_retrain_a_recipe",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="approval_has_name_and_time",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="verdict_has_name_and_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["evaluated", "promoted", "declined"])
                | Q(candidate__isnull=False, gate__isnull=False),
                name="evaluated_retrain_has_candidate_and_gate",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["promoted", "declined"]) | Q(decided_by__isnull=False),
                name="verdict_has_a_decider",
            ),
            models.CheckConstraint(
                condition=Q(
                    recomputed_gate__isnull=True,
                    recomputed_policy_sha256="",
                    recomputed_at__isnull=True,
                )
                | Q(recomputed_gate__isnull=False, recomputed_at__isnull=False)
                & ~Q(recomputed_policy_sha256=""),
                name="recomputed_gate_has_policy_and_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="promoted") | Q(gate__verdict="pass") | ~Q(override_reason=""),
                name="override_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"retrain {self.pk}"

    @property
    def folder(self) -> Path:
        return Path(settings.RUNS_DIR) / "retrains" / str(self.pk)
