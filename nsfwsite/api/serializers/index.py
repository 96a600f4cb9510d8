"""The list of what there is at the API."""

from rest_framework import serializers


class CallOutput(serializers.Serializer):
    name = serializers.CharField()
    method = serializers.CharField()
    address = serializers.CharField()
    description = serializers.CharField()
    scopes = serializers.ListField(
        child=serializers.CharField(),
        help_text="A token needs one of them. If there are none, any token will do.",
    )


class IndexOutput(serializers.Serializer):
    calls = CallOutput(many=True)
