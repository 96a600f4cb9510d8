"""Classify untrusted files, one after the other; a bad one does not stop the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from modeltrain.images.codec import decode_in_child
from modeltrain.images.decoder import UNATTENDED_LIMITS
from modeltrain.model.classifier import Classifier, Prediction
from modeltrain.progress import ProgressCallback, quiet

Refuse = Callable[[Path, Exception], None]


def classify_files(
    paths: Sequence[Path],
    classifier: Classifier,
    *,
    refuse: Refuse,
    progress: ProgressCallback = quiet,
) -> Iterator[tuple[Path, Prediction]]:
    """Yield each file with the model's answer, in the order of names.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Files, and folders whose files are classified, at any depth. Names in folders that start
        with a dot are ignored, and links to folders are not followed.
    classifier : Classifier
    refuse : callable
        Called with a file or folder that cannot be read, and the reason.
    progress : callable
        Called after each file.
    """
    files = [file for path in paths for file in _files(path, refuse)]
    for number, file in enumerate(files, start=1):
        try:
            prediction = classifier.classify(decode_in_child(_read(file), limits=UNATTENDED_LIMITS))
        except (ValueError, OSError) as error:
            refuse(file, error)
        else:
            yield file, prediction
        progress("classifying", number, len(files), "Classifying images")


def _files(path: Path, refuse: Refuse) -> Iterator[Path]:
    def report(error: OSError) -> None:
        refuse(Path(os.fsdecode(error.filename)), error)

    if not path.is_dir():
        yield path
        return
    for folder, folder_names, names in os.walk(path, onerror=report):
        folder_names[:] = sorted(name for name in folder_names if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _read(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise ValueError("An image must be a file. Received: a pipe or a device. Save it as one.")
    with file.open("rb") as stream:
        return stream.read(UNATTENDED_LIMITS.max_bytes + 1)
