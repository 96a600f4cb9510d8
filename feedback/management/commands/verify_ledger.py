"""Check every entry of the ledger, and that the database still holds what entries tell of.

Exits 1 and names each entry that was changed, dropped or replaced.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.models import LedgerEntry
from feedback.services import ledger


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="an entry's hash, noted earlier")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(ledger.problems(head=options["head"])) or list(ledger.contradictions())
        if found:
            raise CommandError("\n".join(found))
        head = LedgerEntry.objects.latest("number")
        self.stdout.write(f"{head.number} entries, unbroken. The newest hash: {head.hash}")
