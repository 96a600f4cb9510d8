"""Freeze a dataset that `python -m modeltrain import` made as an audit set.

From then on models are measured on it and none learns from it. The newest set decides about new
models.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.errors import Refusal
from feedback.services import audit_sets
from modeltrain.data import dataset
from modeltrain.data.manifest import ManifestError


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="small letters, digits and hyphens")
        parser.add_argument("dataset", type=Path, help="its folder")
        parser.add_argument("--card", type=Path, help="text on sources and licences")
        parser.add_argument(
            "--new-groups", action="store_true", help="create axes and values that do not exist yet"
        )

        parser.add_argument(
            "--public-images",
            action="store_true",
            help="let anyone see its images, except those with an explicit label",
        )

        parser.add_argument(
            "--confirmation",
            action="store_true",
            help="keep it closed until a candidate that the gate passed is about to be promoted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            imported = audit_sets.import_set(
                name=options["name"],
                data=dataset.load(options["dataset"]),
                card=options["card"].read_text() if options["card"] else "",
                new_groups=options["new_groups"],
                public_images=options["public_images"],
                confirmation=options["confirmation"],
                progress=self._show_progress,
            )
        except (Refusal, dataset.DatasetRefused, ManifestError, OSError) as error:
            raise CommandError(str(error)) from error
        for warning in imported.warnings:
            self.stdout.write(self.style.WARNING(warning))
        audit_set = imported.audit_set
        next_step = (
            "No model is audited on it until a maintainer wants to promote a candidate."
            if audit_set.confirmation
            else "The model in service is audited on it next."
        )
        self.stdout.write(
            f"{audit_set.name}: {audit_set.images} images, manifest "
            f"{audit_set.manifest_sha256}. {next_step}"
        )

    def _show_progress(self, done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            self.stderr.write(f"{done} of {total} images read", ending="\r")
            self.stderr.flush()
