"""Search every table, file, log and Redis key for the bytes and hashes of images."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from feedback.services import traces
from modeltrain.images.codec import decode


class Command(BaseCommand):
    help = f"{__doc__} Exits 1 if there is any trace of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("images", nargs="+", type=Path, help="files of the images")

    def handle(self, *args: Any, **options: Any) -> None:
        needles: dict[bytes, str] = {}
        for path in options["images"]:
            data = path.read_bytes()
            image_needles = traces.needles(decode(data), data)
            needles |= {needle: f"{path.name}: {kind}" for needle, kind in image_needles.items()}
        matches = sorted({(trace.place, trace.what) for trace in traces.search(needles)})
        for place, description in matches:
            self.stdout.write(f"{place}: {description}")
        self.stdout.write(f"{len(matches)} traces of {len(options['images'])} images")
        if matches:
            sys.exit(1)
