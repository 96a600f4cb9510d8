"""Models and their audits."""

from typing import Any

from rest_framework import serializers

from feedback.models import ModelVersion
from nsfwsite.api.serializers.retrains import recomputed


class ModelName(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields = ["version", "sha256"]


class ModelOutput(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields = ["version", "sha256", "title", "status", "created_at", "promoted_at"]


class DisparityInput(serializers.Serializer):
    axis = serializers.CharField(
        help_text="The axis whose groups are compared, such as `skin_tone`."
    )
    measure = serializers.ChoiceField(
        choices=["false_alarm", "miss", "confusion", "error"],
        default="false_alarm",
        help_text="What happens more often to one group than to others.",
    )


class ShortageInput(serializers.Serializer):
    rise = serializers.FloatField(
        required=False,
        min_value=0.001,
        max_value=1,
        help_text="The rise of a rate that should be noticed, as a share: 0.1 for 10 points.",
    )


class AuditOutput(serializers.Serializer):
    model = ModelName()
    audit_set = serializers.CharField(source="audit_set.name")
    status = serializers.CharField()
    progress = serializers.SerializerMethodField()
    figures = serializers.JSONField(source="all_figures")
    finished_at = serializers.DateTimeField(allow_null=True)
    gate = serializers.SerializerMethodField()
    recomputed = serializers.SerializerMethodField(
        help_text="What the present policy says of a candidate that was decided by an earlier one."
    )

    def get_progress(self, audit: Any) -> dict[str, Any]:
        """As people see it; the rest is for whoever runs the site."""
        public = ("stage", "done", "total", "message")
        return {name: audit.progress[name] for name in public if name in audit.progress}

    def get_gate(self, audit: Any) -> Any:
        retrain = getattr(audit.model, "retrain", None)
        return retrain.gate if retrain else None

    def get_recomputed(self, audit: Any) -> dict[str, Any] | None:
        retrain = getattr(audit.model, "retrain", None)
        return recomputed(retrain) if retrain else None
