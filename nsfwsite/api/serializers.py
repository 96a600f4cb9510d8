"""What comes in and what goes out. An input serializer is never an output serializer."""

from typing import Any

from rest_framework import serializers

from feedback.models import (
    Classification,
    Decision,
    Example,
    ExampleScore,
    ModelVersion,
    PublicReport,
    Report,
    Retrain,
)
from feedback.models.decision import REASONS


class ClassificationInput(serializers.Serializer):
    image = serializers.FileField(allow_empty_file=True)


class ModelName(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields = ["version", "sha256"]


class RightInput(serializers.Serializer):
    said = serializers.ChoiceField(choices=["right", "wrong"])


class ClassificationOutput(serializers.ModelSerializer):
    model = ModelName()

    class Meta:
        model = Classification
        fields = ["id", "status", "label", "scores", "model"]


class ReportInput(serializers.Serializer):
    images = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, default=list
    )
    classification = serializers.UUIDField(required=False, default=None)
    expected_label = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=Report.Kind.choices, default=Report.Kind.MISCLASSIFIED)
    groups = serializers.CharField(required=False, default="{}")
    wrong = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, default=list
    )
    counterpart = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, default=list
    )
    pair_groups = serializers.CharField(required=False, default="[]")
    subject = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    description = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=2000
    )
    evidence = serializers.CharField(required=False, default="", allow_blank=True)
    consent_store = serializers.BooleanField(default=False)
    consent_train = serializers.BooleanField(default=False)


class ScoreOutput(serializers.ModelSerializer):
    model = serializers.CharField(source="model.version")

    class Meta:
        model = ExampleScore
        fields = ["model", "label", "scores", "at"]


class ExampleOutput(serializers.ModelSerializer):
    then = ScoreOutput(source="reported_score")
    now = ScoreOutput(source="current_score")
    kept = serializers.SerializerMethodField()
    counterpart_of = serializers.IntegerField(source="counterpart_of.position", default=None)

    class Meta:
        model = Example
        fields = ["position", "kept", "then", "now", "counterpart_of", "groups"]

    def get_kept(self, example: Example) -> bool:
        return example.image_id is not None


class EventOutput(serializers.Serializer):
    status = serializers.CharField()
    note = serializers.CharField()
    at = serializers.DateTimeField()


class ReportFiled(serializers.Serializer):
    receipt = serializers.CharField()
    url = serializers.CharField()
    status = serializers.CharField()


class ReportOutput(serializers.ModelSerializer):
    history = EventOutput(source="events", many=True)
    examples = ExampleOutput(many=True)

    class Meta:
        model = Report
        fields = ["receipt", "status", "kind", "expected_label", "groups", "history", "examples"]


class AnswerOutput(serializers.Serializer):
    """What a model said of some images of a report, and what a newer one says."""

    said = serializers.CharField()
    model = serializers.CharField()
    now = serializers.CharField()
    newer = serializers.CharField()
    mistake = serializers.CharField()
    images = serializers.IntegerField()


class AppealInput(serializers.Serializer):
    words = serializers.CharField(max_length=2000)


class PublicReportOutput(serializers.ModelSerializer):
    expected_label = serializers.CharField(source="expected")
    decided_label = serializers.CharField(source="decided")
    answers = AnswerOutput(many=True)

    class Meta:
        model = PublicReport
        fields = [
            "id",
            "day",
            "state",
            "kind",
            "expected_label",
            "decided_label",
            "groups",
            "learnt_in",
            "answers",
        ]


class CaseOutput(serializers.ModelSerializer):
    examples = ExampleOutput(many=True)

    class Meta:
        model = Report
        fields = [
            "id",
            "created_at",
            "appeal",
            "kind",
            "expected_label",
            "groups",
            "subject",
            "description",
            "consent_train",
            "examples",
        ]


class DecisionInput(serializers.Serializer):
    outcome = serializers.ChoiceField(choices=Decision.Outcome.choices)
    label = serializers.CharField(  # type: ignore[assignment]
        required=False, default="", allow_blank=True, max_length=40
    )
    groups = serializers.DictField(
        child=serializers.CharField(), required=False, allow_null=True, default=None
    )
    because = serializers.ChoiceField(
        choices=[(name, reason["title"]) for name, reason in REASONS.items()],
        required=False,
        default="",
        allow_blank=True,
        help_text="Why it is rejected.",
    )
    reason = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=2000,
        help_text="A line to the reporter.",
    )


class DecisionOutput(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username")
    settled = serializers.BooleanField(
        source="stands", help_text="False while another reviewer must say the same."
    )

    class Meta:
        model = Decision
        fields = ["outcome", "label", "groups", "because", "reason", "by", "at", "settled"]


class PromotionInput(serializers.Serializer):
    override_reason = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=2000
    )


class DeclineInput(serializers.Serializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class RetrainOutput(serializers.ModelSerializer):
    base = serializers.CharField(source="base.version")
    candidate = serializers.SerializerMethodField()
    dataset = serializers.IntegerField(source="dataset.number")
    proposed_by = serializers.CharField(source="proposed_by.username")
    approved_by = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField()

    class Meta:
        model = Retrain
        fields = [
            "id",
            "status",
            "base",
            "dataset",
            "config",
            "candidate",
            "progress",
            "gate",
            "failure",
            "override_reason",
            "proposed_by",
            "proposed_at",
            "approved_by",
            "approved_at",
            "started_at",
            "evaluated_at",
            "decided_by",
            "decided_at",
        ]

    def get_candidate(self, retrain: Retrain) -> str | None:
        return retrain.candidate.version if retrain.candidate else None

    def get_approved_by(self, retrain: Retrain) -> str | None:
        return retrain.approved_by.username if retrain.approved_by else None

    def get_decided_by(self, retrain: Retrain) -> str | None:
        return retrain.decided_by.username if retrain.decided_by else None


class ModelOutput(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields = ["version", "sha256", "title", "status", "created_at", "promoted_at"]


class AuditOutput(serializers.Serializer):
    model = ModelName()
    audit_set = serializers.CharField(source="audit_set.name")
    status = serializers.CharField()
    progress = serializers.SerializerMethodField()
    figures = serializers.JSONField(source="all_figures")
    finished_at = serializers.DateTimeField()
    gate = serializers.SerializerMethodField()

    def get_progress(self, audit: Any) -> dict[str, Any]:
        """As people see it; the rest is for whoever runs the site."""
        told = ("stage", "done", "total", "message")
        return {name: audit.progress[name] for name in told if name in audit.progress}

    def get_gate(self, audit: Any) -> Any:
        retrain = getattr(audit.model, "retrain", None)
        return retrain.gate if retrain else None
