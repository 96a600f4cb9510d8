"""Print what identifies an installation's contents: hashes of datasets, models and the ledger.

Every file is read and compared with its hash.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand

from feedback.services import backups


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(backups.fingerprint(), indent=2))
