"""Arrays cached in files, one per file: written atomically, and computed again when damaged."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from modeltrain.files import write_whole


def path_of(folder: Path, sha256: str) -> Path:
    """Return where an image's array is cached, in one of 256 folders."""
    return folder / sha256[:2] / f"{sha256}.npy"


def read(path: Path, *, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any] | None:
    """Return a cached array; None if it is missing or damaged, or its shape or dtype differs."""
    try:
        values = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_valid = values.dtype == dtype and values.shape == shape and np.isfinite(values).all()
    return values if is_valid else None


def write(path: Path, values: NDArray[Any]) -> None:
    """Cache an array. A crash leaves the old file, the new one, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    write_whole(path, file.getvalue(), mode=0o600, durable=False)  # `read` notices damage
