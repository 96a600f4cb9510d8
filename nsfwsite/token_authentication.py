"""Who calls the API: the owner of the token that is sent."""

from typing import Any

import structlog
from allauth.account.adapter import get_adapter
from django.contrib.auth.models import User
from rest_framework.authentication import TokenAuthentication

from feedback.errors import TokenRefused
from feedback.models import ApiToken
from feedback.services import api_tokens

log = structlog.get_logger()


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Token …`; a token that is refused is in the log, with the network."""

    def authenticate(self, request: Any) -> tuple[User, ApiToken] | None:
        try:
            return super().authenticate(request)
        except TokenRefused as refusal:
            log.warning(
                "token refused",
                token=refusal.token,
                because=refusal.received,
                network=get_adapter().get_client_ip(request),
            )
            raise

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        token = api_tokens.by_secret(key)
        return token.owner, token


class BearerAuthentication(ApiTokenAuthentication):
    """The same as `Authorization: Bearer …`, which Misskey sends."""

    keyword = "Bearer"
