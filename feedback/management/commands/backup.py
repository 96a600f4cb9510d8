"""Back up the database, images, models, datasets, ledger and secrets to one file.

The site may run meanwhile. The file holds everything, secrets too: keep it as safe as DATA_DIR.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import Refusal
from feedback.services import backups


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write, such as backup.tar")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            contents = backups.back_up(path)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as problem:
            raise CommandError(
                f"A backup needs a folder with room for it. Received: {path} "
                f"({problem.strerror}). Nothing was written. Name another file."
            ) from None
        self.stdout.write(f"{path}: {len(contents['files'])} files, {path.stat().st_size:,} bytes")
