"""Arrays kept in files: one each, there whole or not at all, and computed again when damaged."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def path_of(folder: Path, sha256: str) -> Path:
    """Return where an image's array is kept; at most 256 folders, however many images."""
    return folder / sha256[:2] / f"{sha256}.npy"


def read(path: Path, *, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any] | None:
    """Return a kept array, or None where there is none, it is damaged, or it is another one."""
    try:
        values = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    good = values.dtype == dtype and values.shape == shape and np.isfinite(values).all()
    return values if good else None


def write(path: Path, values: NDArray[Any]) -> None:
    """Keep an array. A crash leaves the old file, a new one, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, values, allow_pickle=False)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
