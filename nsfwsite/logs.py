"""Keep secrets out of the logs."""

import logging
import re

SECRET_ADDRESS = re.compile(r"/(r|c|o|mail|reports|classifications)/[^/]+")


class HideSecretAddresses(logging.Filter):
    """Hide receipts and tokens: Django logs the address of every request that it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET_ADDRESS.sub(r"/\1/…", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True
