"""Keep secrets, and noise, out of the logs."""

import logging
import re

SECRET_ADDRESS = re.compile(r"/(r|c|o|mail|reports|classifications|forgotten-password)/[^/]+")


class NoTraceOfRefusals(logging.Filter):
    """Leave out the stack trace of a request that was refused: nothing is broken."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.levelno < logging.ERROR:
            record.exc_info = None
        return True


class HideSecretAddresses(logging.Filter):
    """Hide receipts and tokens: Django logs the address of every request that it refuses, and
    waitress of every one that breaks off."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = SECRET_ADDRESS.sub(r"/\1/…", record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET_ADDRESS.sub(r"/\1/…", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True
