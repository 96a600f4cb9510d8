"""Webhooks and what was delivered to them."""

from rest_framework import serializers

from feedback.models import Webhook, WebhookDelivery
from feedback.services.webhooks import CHOICES, MAX_URL_LENGTH, secret_of


class WebhookInput(serializers.Serializer):
    url = serializers.CharField(max_length=MAX_URL_LENGTH)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=CHOICES), allow_empty=False
    )
    account = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=150,
        help_text="Reports that this account's tokens filed, with their receipts, and no others. "
        "Without it: all reports, without receipts.",
    )


class WebhookOutput(serializers.ModelSerializer):
    events = serializers.ListField(child=serializers.CharField())
    account = serializers.CharField(source="account.username", default="")
    waiting = serializers.IntegerField(help_text="Deliveries that are still to be sent.")
    failed = serializers.IntegerField(help_text="Deliveries that were given up.")

    class Meta:
        model = Webhook
        fields = ["id", "url", "events", "account", "off_because", "waiting", "failed"]


class WebhookAdded(serializers.ModelSerializer):
    secret = serializers.SerializerMethodField(help_text="Signs what is sent. It is shown once.")

    class Meta:
        model = Webhook
        fields = ["id", "url", "secret"]

    def get_secret(self, webhook: Webhook) -> str:
        return secret_of(webhook)


class DeliveryOutput(serializers.ModelSerializer):
    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "message_id",
            "event",
            "status",
            "attempts",
            "answer",
            "created_at",
            "retry_at",
            "delivered_at",
        ]
