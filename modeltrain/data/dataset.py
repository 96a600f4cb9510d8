"""A dataset: a folder that says which images there are, what they show, and where they lie.

`manifest.jsonl` has a row for each image, `labels.json` the classes in the order of a model's
outputs, `images.json` each image's path by its hash, relative to the folder. Images may lie in the
folder or in another dataset's: nothing that cleans or reviews a dataset copies or removes one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole

MANIFEST, LABELS_FILE, IMAGES_FILE = "manifest.jsonl", "labels.json", "images.json"


class DatasetRefused(ValueError):
    """A folder is not a dataset, or is one already."""


@dataclass(frozen=True)
class Dataset:
    """A dataset, read and checked.

    Attributes
    ----------
    path : pathlib.Path
    labels : tuple of str
    rows : tuple of Row
        Sorted by hash.
    images : mapping of str to pathlib.Path
        By hash. That a file is there is found out when it is read.
    """

    path: Path
    labels: tuple[str, ...]
    rows: tuple[Row, ...]
    images: Mapping[str, Path]

    def split(self, *names: str) -> list[Row]:
        """Return the rows of some splits."""
        return [row for row in self.rows if row.split in names]


def load(path: Path) -> Dataset:
    """Read a dataset.

    Raises
    ------
    DatasetRefused
        When a file is missing or is not what it should be.
    ManifestError
        Naming the line.
    """
    for name in (LABELS_FILE, IMAGES_FILE, MANIFEST):
        if not (path / name).is_file():
            raise DatasetRefused(
                f"A dataset must be a folder with {MANIFEST}, {LABELS_FILE} and {IMAGES_FILE}. "
                f"Received: {path}, without {name}. Make one with `python -m modeltrain import`."
            )
    labels = check_labels(_json(path / LABELS_FILE))
    images = _json(path / IMAGES_FILE)
    if not isinstance(images, dict) or not all(isinstance(each, str) for each in images.values()):
        raise DatasetRefused(
            f"{IMAGES_FILE} must be a JSON object from hash to path. Received: "
            f"{path / IMAGES_FILE}. Make the dataset again."
        )
    return Dataset(
        path=path,
        labels=labels,
        rows=tuple(manifest.read(path / MANIFEST, labels=labels)),
        images={sha256: path / each for sha256, each in images.items()},
    )


def write(
    path: Path, *, labels: Sequence[str], rows: Iterable[Row], images: Mapping[str, Path]
) -> Dataset:
    """Write a dataset; its manifest comes last, so a folder without one is not a dataset yet.

    Parameters
    ----------
    path : pathlib.Path
        Made if missing. Images may lie in it already.
    labels : sequence of str
    rows : iterable of Row
    images : mapping of str to pathlib.Path
        Those of the rows are written down; others are left out.

    Raises
    ------
    DatasetRefused
        When there is a dataset already, a row's image has no path, or a label is not usable.
    ManifestError
        When a row breaks a rule.
    """
    refuse_existing(path)
    named, listed = check_labels(list(labels)), list(rows)
    for row in listed:
        if row.sha256 not in images:
            raise DatasetRefused(
                f"Every row's image must have a path. Received: none for {row.sha256} "
                f"({row.source}). Add it or leave the row out."
            )
    path.mkdir(parents=True, exist_ok=True)
    here = path.resolve()
    relative = {
        row.sha256: os.path.relpath(Path(images[row.sha256]).resolve(), here) for row in listed
    }
    write_whole(path / LABELS_FILE, _to_json(list(named)))
    write_whole(path / IMAGES_FILE, _to_json(dict(sorted(relative.items()))))
    manifest.write(path / MANIFEST, listed, labels=named)
    return load(path)


def refuse_existing(path: Path) -> None:
    """Raise `DatasetRefused` where a dataset is already, so that none is ever written over."""
    if (path / MANIFEST).exists():
        raise DatasetRefused(
            f"A dataset is written once. Received: {path}, which holds one. Name another folder."
        )


def check_labels(labels: object) -> tuple[str, ...]:
    """Return labels that can be a model's outputs.

    Raises
    ------
    DatasetRefused
        When there are fewer than two, one is not text, is blank or over 60 characters, or is there
        twice.
    """
    good = (
        isinstance(labels, list)
        and all(isinstance(each, str) and each.strip() and len(each) <= 60 for each in labels)
        and len(labels) >= 2
        and len(set(labels)) == len(labels)
    )
    if not good:
        raise DatasetRefused(
            "Labels must be two or more different names, each of 1 to 60 characters. "
            f"Received: {str(labels)[:200]}. Name the classes."
        )
    return tuple(labels)  # type: ignore[arg-type]


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetRefused(
            f"{path.name} must be JSON. Received: {path} ({error}). Make the dataset again."
        ) from None


def _to_json(values: object) -> bytes:
    return (json.dumps(values, indent=0, ensure_ascii=False) + "\n").encode()
