"""A model's answers to an audit set as columns: compact on disk, fast to compare."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.files import write_whole
from modeltrain.labels import LABELS

ABSENT = -1


class ColumnsRefused(ValueError):
    """A file of columns is damaged, or of other labels."""


@dataclass(frozen=True)
class Columns:
    """Answers to n images, sorted by image.

    Attributes
    ----------
    sha256 : numpy.ndarray of uint8, shape [n, 32]
    cluster : numpy.ndarray of uint64, shape [n]
        Of each cluster's name, the first 8 bytes of its SHA-256.
    expected : numpy.ndarray of uint8, shape [n]
        Places in `LABELS`.
    scores : numpy.ndarray of float32, shape [n, 5]
        In the order of `LABELS`.
    groups : mapping of str to (list of str, numpy.ndarray of int16, shape [n])
        Each axis's values, and for each image the place in them; -1 where the axis is silent.
    """

    sha256: NDArray[np.uint8]
    cluster: NDArray[np.uint64]
    expected: NDArray[np.uint8]
    scores: NDArray[np.float32]
    groups: Mapping[str, tuple[list[str], NDArray[np.int16]]]

    def __len__(self) -> int:
        return len(self.expected)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Whether the label with the highest score is another than the expected one: [n]."""
        found: NDArray[np.bool_] = self.scores.argmax(axis=1) != self.expected
        return found

    def same_images(self, other: Columns) -> NDArray[np.bool_]:
        """Say of each row whether the other has the same image, label, cluster and groups there.

        Shape [n]; all False where the two differ in length or in axes.
        """
        values = {axis: names for axis, (names, _) in self.groups.items()}
        if len(self) != len(other) or values != {
            a: names for a, (names, _) in other.groups.items()
        }:
            return np.zeros(len(self), dtype=np.bool_)
        same: NDArray[np.bool_] = (self.sha256 == other.sha256).all(axis=1)
        same &= (self.cluster == other.cluster) & (self.expected == other.expected)
        for axis, (_, places) in self.groups.items():
            same &= places == other.groups[axis][1]
        return same


def of(predicted: Sequence[Any]) -> Columns:
    """Turn a list of `evaluate.Predicted` into columns, sorted by image."""
    rows = sorted(predicted, key=lambda each: each.sha256)
    axes = sorted({axis for each in rows for axis in each.groups})
    values = {axis: sorted({e.groups[axis] for e in rows if axis in e.groups}) for axis in axes}
    places = {axis: {value: n for n, value in enumerate(values[axis])} for axis in axes}
    names = {name: _short(name) for name in {each.cluster for each in rows}}
    scores = [[each.scores[label] for label in LABELS] for each in rows]
    return Columns(
        sha256=np.frombuffer(
            b"".join(_bytes(each.sha256) for each in rows), dtype=np.uint8
        ).reshape(-1, 32),
        cluster=np.array([names[each.cluster] for each in rows], dtype=np.uint64),
        expected=np.array([LABELS.index(each.expected) for each in rows], dtype=np.uint8),
        scores=np.array(scores, dtype=np.float32).reshape(-1, len(LABELS)),
        groups={
            axis: (
                values[axis],
                np.array(
                    [places[axis].get(each.groups.get(axis), ABSENT) for each in rows],
                    dtype=np.int16,
                ),
            )
            for axis in axes
        },
    )


def with_axis(columns: Columns, axis: str, values: Mapping[str, str]) -> Columns:
    """Return the same answers with this axis written anew.

    Parameters
    ----------
    columns : Columns
    axis : str
    values : mapping of str to str
        Value by pixel hash; the axis is silent on other images, and gone where it says nothing.
    """
    groups = {name: said for name, said in columns.groups.items() if name != axis}
    rows = {_bytes(sha256): value for sha256, value in values.items()}
    asked = np.array(list(rows), dtype="S32")
    keys = np.ascontiguousarray(columns.sha256).view("S32").ravel()
    found = np.flatnonzero(np.isin(keys, asked))
    said = [rows[columns.sha256[n].tobytes()] for n in found]
    if names := sorted(set(said)):
        places = np.full(len(columns), ABSENT, dtype=np.int16)
        places[found] = [names.index(value) for value in said]
        groups[axis] = (names, places)
    return replace(columns, groups=dict(sorted(groups.items())))


def _bytes(sha256: str) -> bytes:
    return bytes.fromhex(sha256)


def _short(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def write(path: Path, columns: Columns) -> None:
    """Write columns as one `.npz`, whole or not at all. The same columns give the same arrays."""
    said = {"labels": list(LABELS), "axes": {a: names for a, (names, _) in columns.groups.items()}}
    out = io.BytesIO()
    np.savez_compressed(
        out,
        said=np.array(json.dumps(said, ensure_ascii=False)),
        sha256=columns.sha256,
        cluster=columns.cluster,
        expected=columns.expected,
        scores=columns.scores,
        groups=np.array([places for _, places in columns.groups.values()], dtype=np.int16),
    )
    write_whole(path, out.getvalue())


def read(path: Path) -> Columns:
    """Read what `write` wrote.

    Raises
    ------
    ColumnsRefused
        Where the file is damaged, or its labels are not `LABELS`.
    OSError
        Where there is none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            said = json.loads(str(file["said"]))
            if said["labels"] != list(LABELS):
                raise ValueError(f"labels {said['labels']}")
            groups = file["groups"]
            return Columns(
                sha256=file["sha256"],
                cluster=file["cluster"],
                expected=file["expected"],
                scores=file["scores"],
                groups={
                    axis: (names, groups[n]) for n, (axis, names) in enumerate(said["axes"].items())
                },
            )
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise ColumnsRefused(
            "A file of answers must be whole, with the labels of today. "
            f"Received: {path.name} ({problem}). Audit again."
        ) from problem
