"""Files that are written completely or not at all."""

import errno
import os
import tempfile
from pathlib import Path

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Write a file atomically: no reader ever sees part of it, even after a crash.

    Parameters
    ----------
    path : pathlib.Path
        Replaced if it exists.
    data : bytes
    mode : int
        Of the file.
    durable : bool
        Wait until the data is on the disk. Without it, a power cut may leave a damaged file.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def is_storable(text: str) -> bool:
    """Return whether text can be written as UTF-8: JSON can express half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
