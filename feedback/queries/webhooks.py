"""Webhooks, with how many of their deliveries wait and how many were given up."""

from django.db.models import Count, Q, QuerySet

from feedback.models import Webhook, WebhookDelivery


def with_counts() -> "QuerySet[Webhook]":
    status = WebhookDelivery.Status
    webhooks = Webhook.objects.select_related("account", "created_by").annotate(
        waiting=Count("deliveries", filter=Q(deliveries__status=status.WAITING)),
        failed=Count("deliveries", filter=Q(deliveries__status=status.FAILED)),
    )
    return webhooks.order_by("pk")
