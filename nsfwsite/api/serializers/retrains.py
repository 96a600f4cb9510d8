"""Retrains, and what a maintainer decides about them."""

from rest_framework import serializers

from feedback.models import Retrain


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
