"""Import PDQ hashes of images that nobody here may be shown.

Each line has one hash of 64 hexadecimal digits, optionally followed by `,quality`, the format of
PDQ's own programs. Hashes that exist already do not change, so a list can be imported again.
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
        parser.add_argument("--source", required=True, help="who maintains this list, and its date")
        parser.add_argument(
            "--skip-malformed", action="store_true", help="skip malformed lines and list them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", errors="replace") as lines:
                imported = blocklist.import_list(
                    lines=lines,
                    source=options["source"],
                    skip_malformed=options["skip_malformed"],
                )
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        for problem in imported.malformed:
            self.stdout.write(self.style.WARNING(f"left out: {problem}"))
        if imported.too_plain:
            self.stdout.write(f"left out: {imported.too_plain} with a quality under 50")
        self.stdout.write(f"{imported.read} hashes read, {imported.new} of them new")
