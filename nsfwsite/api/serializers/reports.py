"""Reports: filed, followed by receipt, and listed for everybody."""

from rest_framework import serializers

from feedback.models import Example, ExampleScore, NotLearnt, PublicReport, Report


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
    left_out = serializers.ChoiceField(
        source="why_not_learnt",
        choices=NotLearnt.choices,
        allow_null=True,
        read_only=True,
        help_text="Why no model learns from it even if the report is accepted.",
    )
    counterpart_of = serializers.IntegerField(
        source="counterpart_of.position", default=None, allow_null=True
    )

    class Meta:
        model = Example
        fields = ["position", "kept", "left_out", "then", "now", "counterpart_of", "groups"]

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
