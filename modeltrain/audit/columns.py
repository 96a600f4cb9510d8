"""A model's answers to an audit set as columns: compact on disk, fast to compare."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.files import is_storable, write_whole
from modeltrain.labels import LABELS

if TYPE_CHECKING:
    from modeltrain.audit.evaluate import Predicted

ABSENT = -1
HIGHEST_SCORE = 1.0001  # rounding may take a softmax in float32 slightly above 1
_DAMAGE = (ValueError, KeyError, EOFError, TypeError, AttributeError, RuntimeError)
# What is no axis of a manifest: all images, and the images of a right label.
OVERALL, CLASS = "overall", "class"


class ColumnsRefused(ValueError):
    """A file of columns is damaged, or has other labels."""


@dataclass(frozen=True)
class Columns:
    """Answers to n images, sorted by image.

    Attributes
    ----------
    sha256 : numpy.ndarray of uint8, shape [n, 32]
    cluster : numpy.ndarray of uint64, shape [n]
        The first 8 bytes of the SHA-256 of each cluster's name.
    expected : numpy.ndarray of uint8, shape [n]
        Indices into `LABELS`.
    scores : numpy.ndarray of float32, shape [n, 5]
        In the order of `LABELS`.
    groups : mapping of str to (list of str, numpy.ndarray of int16, shape [n])
        Each axis's values, and for each image an index into them; -1 where the image has no value
        on the axis.
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
        """Whether the label with the highest score differs from the expected one: [n]."""
        wrong: NDArray[np.bool_] = self.scores.argmax(axis=1) != self.expected
        return wrong

    def take(self, rows: NDArray[np.intp]) -> Columns:
        """Return these rows alone, in this order."""
        return Columns(
            sha256=self.sha256[rows],
            cluster=self.cluster[rows],
            expected=self.expected[rows],
            scores=self.scores[rows],
            groups={axis: (names, places[rows]) for axis, (names, places) in self.groups.items()},
        )

    def same_images(self, other: Columns) -> NDArray[np.bool_]:
        """Return for each row whether `other` has the same image, label, cluster and groups there.

        Parameters
        ----------
        other : Columns

        Returns
        -------
        numpy.ndarray of bool, shape [n]
            All False if the two differ in length, axes or values.
        """
        values, other_values = (
            {axis: names for axis, (names, _) in columns.groups.items()}
            for columns in (self, other)
        )
        if len(self) != len(other) or values != other_values:
            return np.zeros(len(self), dtype=np.bool_)
        same: NDArray[np.bool_] = (self.sha256 == other.sha256).all(axis=1)
        same &= (self.cluster == other.cluster) & (self.expected == other.expected)
        for axis, (_, indices) in self.groups.items():
            same &= indices == other.groups[axis][1]
        return same


def from_predicted(predicted: Sequence[Predicted]) -> Columns:
    """Turn a list of predictions into columns, sorted by image."""
    answers = sorted(predicted, key=lambda answer: answer.sha256)
    cluster_keys = {name: _cluster_key(name) for name in {answer.cluster for answer in answers}}
    scores = [[answer.scores[label] for label in LABELS] for answer in answers]
    sha256 = b"".join(bytes.fromhex(answer.sha256) for answer in answers)
    return Columns(
        sha256=np.frombuffer(sha256, dtype=np.uint8).reshape(-1, 32),
        cluster=np.array([cluster_keys[answer.cluster] for answer in answers], dtype=np.uint64),
        expected=np.array([LABELS.index(answer.expected) for answer in answers], dtype=np.uint8),
        scores=np.array(scores, dtype=np.float32).reshape(-1, len(LABELS)),
        groups={
            axis: _axis_column([answer.groups.get(axis) for answer in answers])
            for axis in sorted({axis for answer in answers for axis in answer.groups})
        },
    )


def _cluster_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _axis_column(values: Sequence[str | None]) -> tuple[list[str], NDArray[np.int16]]:
    names = sorted({value for value in values if value is not None})
    index = {name: number for number, name in enumerate(names)}
    indices = [ABSENT if value is None else index[value] for value in values]
    return names, np.array(indices, dtype=np.int16)


def with_axis(columns: Columns, axis: str, values: Mapping[str, str]) -> Columns:
    """Return the same answers with one axis replaced.

    Parameters
    ----------
    columns : Columns
    axis : str
    values : mapping of str to str
        Value by pixel hash. Other images have no value on the axis; the axis is removed if no image
        has one.
    """
    groups = {name: column for name, column in columns.groups.items() if name != axis}
    value_of = {bytes.fromhex(sha256): value for sha256, value in values.items()}
    keys = np.ascontiguousarray(columns.sha256).view("S32").ravel()
    rows = np.flatnonzero(np.isin(keys, np.array(list(value_of), dtype="S32")))
    row_values = [value_of[columns.sha256[row].tobytes()] for row in rows]
    if row_values:
        names, row_indices = _axis_column(row_values)
        indices = np.full(len(columns), ABSENT, dtype=np.int16)
        indices[rows] = row_indices
        groups[axis] = (names, indices)
    return replace(columns, groups=dict(sorted(groups.items())))


def write(path: Path, columns: Columns) -> None:
    """Write columns as one `.npz` file atomically. The same columns give the same arrays."""
    axes = {axis: names for axis, (names, _) in columns.groups.items()}
    header = {"labels": list(LABELS), "axes": axes}
    out = io.BytesIO()
    np.savez_compressed(
        out,
        said=np.array(json.dumps(header, ensure_ascii=False)),
        sha256=columns.sha256,
        cluster=columns.cluster,
        expected=columns.expected,
        scores=columns.scores,
        groups=np.array([indices for _, indices in columns.groups.values()], dtype=np.int16),
    )
    write_whole(path, out.getvalue())


def read(path: Path) -> Columns:
    """Read what `write` wrote.

    Raises
    ------
    ColumnsRefused
        If the file is damaged, its labels are not `LABELS`, its arrays differ in length, or a
        score, label or group is out of range.
    OSError
        If there is no such file.
    """
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ValueError("no .npz archive")
        with np.load(path, allow_pickle=False) as file:
            columns = _from_arrays(file)
        _check(columns)
        return columns
    # TypeError: a .npy with an archive at its end. RuntimeError: encrypted, or nested too deep.
    except (*_DAMAGE, zipfile.BadZipFile, zlib.error) as problem:
        raise ColumnsRefused(
            "A file of answers must be complete, with the current labels. "
            f"Received: {path.name} ({problem}). Run the audit again."
        ) from problem


def _from_arrays(file: Mapping[str, NDArray[Any]]) -> Columns:
    header = json.loads(str(file["said"]))
    if header["labels"] != list(LABELS):
        raise ValueError(f"labels {header['labels']}")
    groups = file["groups"]
    axes = header["axes"]
    if len(groups) != len(axes):
        raise ValueError(f"groups of {len(groups)} axes instead of {len(axes)}")
    return Columns(
        sha256=file["sha256"],
        cluster=file["cluster"],
        expected=file["expected"],
        scores=file["scores"],
        groups={axis: (names, groups[row]) for row, (axis, names) in enumerate(axes.items())},
    )


def _check(columns: Columns) -> None:
    """Refuse columns that differ in length, or refer to a label or group that does not exist."""
    n = len(columns)
    arrays: dict[str, tuple[NDArray[Any], type[np.generic], tuple[int, ...]]] = {
        "sha256": (columns.sha256, np.uint8, (n, 32)),
        "cluster": (columns.cluster, np.uint64, (n,)),
        "expected": (columns.expected, np.uint8, (n,)),
        "scores": (columns.scores, np.float32, (n, len(LABELS))),
    }
    arrays |= {
        f"groups of {axis}": (indices, np.int16, (n,))
        for axis, (_, indices) in columns.groups.items()
    }
    for name, (array, dtype, shape) in arrays.items():
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"{name} {array.dtype}{list(array.shape)} instead of {np.dtype(dtype)}{list(shape)}"
            )
    if (columns.expected >= len(LABELS)).any():
        raise ValueError(f"label {columns.expected.max()} of {len(LABELS)}")
    inside = (columns.scores >= 0) & (columns.scores <= HIGHEST_SCORE)
    if not inside.all():
        raise ValueError(f"a score of {columns.scores[~inside][0]}")
    for axis, (names, indices) in columns.groups.items():
        if not all(isinstance(name, str) and is_storable(name) for name in (axis, *names)):
            raise ValueError(f"axis {axis!r} with the groups {names!r}")
        outside = indices[(indices < ABSENT) | (indices >= len(names))]
        if len(outside):
            raise ValueError(f"group {outside[0]} of {len(names)} on axis {axis}")
