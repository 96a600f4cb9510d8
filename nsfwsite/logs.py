"""What no log may keep."""

import logging
import re

SECRET = re.compile(r"/(r|c|o|mail|reports|classifications)/[^/]+")


class HideSecretAddresses(logging.Filter):
    """A receipt's address is its key, and Django logs the address of what it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET.sub(r"/\1/…", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True
