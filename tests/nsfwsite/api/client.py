"""A client of the API."""

from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient


def api_client(user: User | None = None) -> APIClient:
    """A client that sends this person's token, or none."""
    client = APIClient()
    if user:
        token, _ = Token.objects.get_or_create(user=user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client
