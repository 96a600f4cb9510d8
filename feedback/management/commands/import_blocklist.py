"""Import PDQ hashes of pictures that nobody here may be shown.

One hash of 64 hexadecimal digits on a line, with `,quality` after it if you like, as PDQ's own
programs write it. Hashes that are known already stay as they are, so a list can be imported again.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import Refusal
from feedback.services import blocklist


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="who keeps this list, and its date")
        parser.add_argument(
            "--skip-malformed", action="store_true", help="leave malformed lines out and name them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", errors="replace") as lines:
                found = blocklist.import_list(
                    lines=lines,
                    source=options["source"],
                    skip_malformed=options["skip_malformed"],
                )
        except (Refusal, OSError) as refused:
            raise CommandError(str(refused)) from refused
        for problem in found.malformed:
            self.stdout.write(self.style.WARNING(f"left out: {problem}"))
        if found.too_plain:
            self.stdout.write(f"left out: {found.too_plain} with a quality under 50")
        self.stdout.write(f"{found.read} hashes read, {found.new} of them new")
