"""The challenge before an upload."""

from rest_framework import serializers


class ChallengeOutput(serializers.Serializer):
    challenge = serializers.DictField(
        allow_null=True, help_text="As ALTCHA writes it, or null if the next upload needs none."
    )
