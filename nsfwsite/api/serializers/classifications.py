"""Images to classify, and the answers."""

from rest_framework import serializers

from feedback.models import Classification
from nsfwsite.api.serializers.models import ModelName


class ClassificationInput(serializers.Serializer):
    image = serializers.FileField(allow_empty_file=True)


class RightInput(serializers.Serializer):
    said = serializers.ChoiceField(choices=["right", "wrong"])


class ClassificationWaiting(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.CharField(default="waiting")
    url = serializers.CharField(help_text="Ask there again.")


class ClassificationOutput(serializers.ModelSerializer):
    model = ModelName()

    class Meta:
        model = Classification
        fields = ["id", "status", "label", "scores", "model"]
