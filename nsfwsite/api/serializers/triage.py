"""Cases, and the decisions on them."""

from rest_framework import serializers

from feedback.models import Decision, Report
from feedback.models.decision import REASONS
from nsfwsite.api.serializers.reports import ExampleOutput


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
