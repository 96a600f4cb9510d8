import pytest
from django.test import Client
from django.urls import reverse

from feedback.models import Objection


@pytest.fixture
def objection(client: Client) -> Objection:
    """Rosa's objection to what `sexy` means."""
    words = "A short skirt is no invitation: women at a party are called sexy."
    client.post(reverse("object"), {"label": "sexy", "words": words})
    return Objection.objects.get()
