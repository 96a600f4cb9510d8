"""Errors, as RFC 9457 has them."""

from rest_framework import serializers


class BrokenImageOutput(serializers.Serializer):
    image = serializers.CharField()
    rule = serializers.CharField()
    received = serializers.CharField()
    way_out = serializers.CharField()


class ProblemOutput(serializers.Serializer):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    rule = serializers.CharField(required=False)
    received = serializers.CharField(required=False)
    way_out = serializers.CharField(required=False, help_text="What to do instead.")
    errors = serializers.JSONField(  # type: ignore[assignment]
        required=False, help_text="What is wrong with each field, by its name."
    )
    challenge = serializers.DictField(
        required=False, help_text="What must be solved before the next upload (ALTCHA)."
    )
    images = BrokenImageOutput(
        many=True, required=False, help_text="The images of a report that cannot be used."
    )
