"""Search every table, file, log and key of Redis for images: for their bytes and their hashes."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from feedback.services import traces
from modeltrain.images.codec import decode


class Command(BaseCommand):
    help = f"{__doc__} Exits 1 when there is a trace of any of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("images", nargs="+", type=Path, help="files of the images")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted: dict[bytes, str] = {}
        for path in options["images"]:
            data = path.read_bytes()
            told = traces.needles(decode(data), data)
            wanted |= {needle: f"{path.name}: {what}" for needle, what in told.items()}
        found = sorted({(one.place, one.what) for one in traces.search(wanted)})
        for place, what in found:
            self.stdout.write(f"{place}: {what}")
        self.stdout.write(f"{len(found)} traces of {len(options['images'])} images")
        if found:
            sys.exit(1)
