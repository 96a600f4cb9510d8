"""How large a request may be, for the server and the site."""

from django.conf import settings

# In a request's environment: the error with which the server failed to store its body.
BODY_ERROR = "speakup.body_error"
CLASSIFICATION_BYTES = 16 * 2**20


def body_limit(path: str) -> tuple[str, int]:
    """What is sent to this address, and how many bytes it may have."""
    kind = "report" if "report" in path else "classification"
    return kind, settings.BODY_MAX_BYTES[kind]
