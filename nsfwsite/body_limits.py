"""How large a request may be: the server and the site apply the same limit."""

from django.conf import settings


def body_limit(path: str) -> tuple[str, int]:
    """What is sent to this address, and how many bytes it may have."""
    kind = "report" if "report" in path else "classification"
    return kind, settings.BODY_MAX_BYTES[kind]
