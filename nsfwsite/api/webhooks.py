"""Webhooks: add, list, turn on and delete them; list deliveries and send one again."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Webhook, WebhookDelivery
from feedback.services import webhooks
from feedback.services.api_tokens import Scope
from nsfwsite.api.permissions import IsMaintainer
from nsfwsite.api.requests import user_of, validated_data
from nsfwsite.api.schema import LOCATION, refuses
from nsfwsite.api.serializers.webhooks import (
    DeliveryOutput,
    WebhookAdded,
    WebhookInput,
    WebhookOutput,
)
from nsfwsite.intake import maintaining


class WebhookList(ListAPIView):
    """Every webhook."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]
    serializer_class = WebhookOutput
    queryset = queries.webhooks.with_counts()

    @extend_schema(parameters=[LOCATION[201]], request=WebhookInput, responses={201: WebhookAdded})
    @refuses(Invalid)
    def post(self, request: Request) -> Response:
        """Add a webhook, and get its secret once."""
        data = validated_data(WebhookInput, request)
        webhook = maintaining.add_webhook(by=user_of(request), **data)
        location = reverse("api:webhook", args=[webhook.pk])
        headers = {"Location": location, "Cache-Control": "no-store"}
        return Response(WebhookAdded(webhook).data, status=201, headers=headers)


class WebhookDetail(APIView):
    """A webhook, with how many deliveries wait and how many were given up."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]

    @extend_schema(responses=WebhookOutput)
    def get(self, request: Request, pk: int) -> Response:
        return Response(WebhookOutput(_webhook(pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a webhook: nothing is sent to it any more."""
        webhooks.delete(webhook=_webhook(pk), by=user_of(request))
        return Response(status=204)


class WebhookTurnOn(APIView):
    """Send again to a webhook that was turned off because its receiver did not answer."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]

    @extend_schema(request=None, responses=WebhookOutput)
    @refuses(WrongState)
    def post(self, request: Request, pk: int) -> Response:
        maintaining.turn_on_webhook(webhook=_webhook(pk))
        return Response(WebhookOutput(_webhook(pk)).data)


class NewestFirst(CursorPagination):
    ordering = ("-created_at", "-pk")
    page_size = 50


@method_decorator(never_cache, name="dispatch")
class DeliveryList(ListAPIView):
    """What was sent to a webhook, and what waits, the newest first."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]
    serializer_class = DeliveryOutput
    pagination_class = NewestFirst
    queryset = WebhookDelivery.objects.none()

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        deliveries = _webhook(self.kwargs["pk"]).deliveries.all()
        status = self.request.GET.get("status")
        if status is None:
            return deliveries
        if status not in WebhookDelivery.Status.values:
            raise Invalid(
                rule=f"`status` must be one of {', '.join(WebhookDelivery.Status.values)}.",
                received=repr(status),
                remedy="Choose one of these, or leave it out.",
            )
        return deliveries.filter(status=status)

    @extend_schema(parameters=[OpenApiParameter("status", str, enum=WebhookDelivery.Status.values)])
    @refuses(Invalid, Http404)
    def get(self, request: Request, pk: int) -> Response:
        return super().get(request, pk)


class DeliveryAgain(APIView):
    """The same message once more, signed anew, of one that arrived or was given up."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]

    @extend_schema(request=None, responses=DeliveryOutput)
    @refuses(WrongState)
    def post(self, request: Request, pk: int, delivery: UUID) -> Response:
        row = get_object_or_404(WebhookDelivery, pk=delivery, webhook=pk)
        maintaining.send_again(delivery=row)
        row.refresh_from_db()
        return Response(DeliveryOutput(row).data)


def _webhook(pk: int) -> Webhook:
    return get_object_or_404(queries.webhooks.with_counts(), pk=pk)
