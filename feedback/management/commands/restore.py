"""Restore a backup into an empty installation, completely or not at all."""

import fcntl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import Refusal
from feedback.services import backups


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what the command backup wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        data_dir = Path(settings.DATA_DIR)
        data_dir.mkdir(parents=True, exist_ok=True)
        # `make run` holds the same lock, so nothing else works in this DATA_DIR meanwhile.
        with (data_dir / "run.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    "A backup is restored while nothing else works in DATA_DIR. Received: "
                    f"{data_dir}, which is in use. Stop the site or the other restore first."
                ) from None
            try:
                contents = backups.restore(options["file"])
            except Refusal as refusal:
                raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"Restored {len(contents['files'])} files of {contents['created_at']}. "
            "`make run` starts the site."
        )
