"""A dataset: a folder that says which images it has, what they show, and where they are.

`manifest.jsonl` has a row for each image, `labels.json` the labels in the order of a model's
outputs, and `images.json` each image's path by its hash, relative to the folder. Images may be in
this folder or in another dataset's: cleaning or reviewing a dataset never copies or deletes one.
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

MANIFEST_FILE, LABELS_FILE, IMAGES_FILE = "manifest.jsonl", "labels.json", "images.json"


class DatasetRefused(ValueError):
    """A folder is not a dataset, or already is one."""


@dataclass(frozen=True)
class Dataset:
    """A dataset that was read and checked.

    Attributes
    ----------
    path : pathlib.Path
    labels : tuple of str
    rows : tuple of Row
        Sorted by hash.
    images : mapping of str to pathlib.Path
        By hash. A missing file is noticed only when it is read.
    """

    path: Path
    labels: tuple[str, ...]
    rows: tuple[Row, ...]
    images: Mapping[str, Path]

    def split(self, *names: str) -> list[Row]:
        """Return the rows of the named splits."""
        return [row for row in self.rows if row.split in names]


def load(path: Path) -> Dataset:
    """Read a dataset.

    Raises
    ------
    DatasetRefused
        When a file is missing or malformed.
    ManifestError
        When a line of the manifest breaks a rule; names the line.
    """
    for name in (LABELS_FILE, IMAGES_FILE, MANIFEST_FILE):
        if not (path / name).is_file():
            raise DatasetRefused(
                f"A dataset must be a folder with {MANIFEST_FILE}, {LABELS_FILE} and "
                f"{IMAGES_FILE}. Received: {path}, without {name}. "
                "Make one with `python -m modeltrain import`."
            )
    labels = check_labels(_read_json(path / LABELS_FILE))
    images = _read_json(path / IMAGES_FILE)
    if not isinstance(images, dict) or not all(isinstance(name, str) for name in images.values()):
        raise DatasetRefused(
            f"{IMAGES_FILE} must be a JSON object from hash to path. Received: "
            f"{path / IMAGES_FILE}. Make the dataset again."
        )
    return Dataset(
        path=path,
        labels=labels,
        rows=tuple(manifest.read(path / MANIFEST_FILE, labels=labels)),
        images={sha256: path / name for sha256, name in images.items()},
    )


def write(
    path: Path, *, labels: Sequence[str], rows: Iterable[Row], images: Mapping[str, Path]
) -> Dataset:
    """Write a dataset. The manifest is written last: a folder without one is not yet a dataset.

    Parameters
    ----------
    path : pathlib.Path
        Created if missing. It may already hold images.
    labels : sequence of str
    rows : iterable of Row
    images : mapping of str to pathlib.Path
        Paths by hash; those of no row are left out.

    Raises
    ------
    DatasetRefused
        When the folder already holds a dataset, a row's image has no path, or a label is invalid.
    ManifestError
        When a row breaks a rule.
    """
    refuse_existing(path)
    labels, rows = check_labels(list(labels)), list(rows)
    for row in rows:
        if row.sha256 not in images:
            raise DatasetRefused(
                f"Every row's image must have a path. Received: none for {row.sha256} "
                f"({row.source}). Add it or leave the row out."
            )
    path.mkdir(parents=True, exist_ok=True)
    folder = path.resolve()
    relative_paths = {
        row.sha256: os.path.relpath(Path(images[row.sha256]).resolve(), folder) for row in rows
    }
    write_whole(path / LABELS_FILE, _to_json(list(labels)))
    write_whole(path / IMAGES_FILE, _to_json(dict(sorted(relative_paths.items()))))
    manifest.write(path / MANIFEST_FILE, rows, labels=labels)
    return load(path)


def refuse_existing(path: Path) -> None:
    """Raise `DatasetRefused` if the folder already holds a dataset: none is ever overwritten."""
    if (path / MANIFEST_FILE).exists():
        raise DatasetRefused(
            f"A dataset is written once. Received: {path}, which holds one. Name another folder."
        )


def check_labels(labels: object) -> tuple[str, ...]:
    """Return labels as a tuple if they can be a model's outputs.

    Raises
    ------
    DatasetRefused
        When there are fewer than two labels, or one is not text, is blank, is longer than 60
        characters, or appears twice.
    """
    are_valid = (
        isinstance(labels, list)
        and all(isinstance(name, str) and name.strip() and len(name) <= 60 for name in labels)
        and len(labels) >= 2
        and len(set(labels)) == len(labels)
    )
    if not are_valid:
        raise DatasetRefused(
            "Labels must be two or more different names, each of 1 to 60 characters. "
            f"Received: {str(labels)[:200]}. Name the labels."
        )
    return tuple(labels)  # type: ignore[arg-type]


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetRefused(
            f"{path.name} must be JSON. Received: {path} ({error}). Make the dataset again."
        ) from None


def _to_json(values: object) -> bytes:
    return (json.dumps(values, indent=0, ensure_ascii=False) + "\n").encode()
