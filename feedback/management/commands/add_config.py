"""Add a training config of your own, for maintainers to choose when they propose a retrain.

The file names the recipe that it changes, and the fields that differ, in TOML, YAML or JSON. A
wrong field is refused. The config is kept by the hash of its fields, which the command prints.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import Refusal
from feedback.services import recipes


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a .toml, .yaml or .json file")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = recipes.add_config(options["file"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{config.sha256}: {recipes.named(config.sha256).sentence}")
