"""Verify every entry of the ledger, and compare the ledger with the database.

Exits 1 and names each entry that was changed, removed or replaced.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.models import LedgerEntry
from feedback.services import ledger


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="the hash of an entry, noted earlier")

    def handle(self, *args: Any, **options: Any) -> None:
        problems = list(ledger.problems(head=options["head"])) or list(ledger.contradictions())
        if problems:
            raise CommandError("\n".join(problems))
        head = LedgerEntry.objects.latest("number")
        self.stdout.write(f"{head.number} entries, unbroken. The newest hash: {head.hash}")
