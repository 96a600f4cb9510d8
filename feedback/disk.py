"""How files, databases and Redis report a full disk."""

from collections.abc import Iterator

from feedback.errors import StorageFull
from modeltrain.files import DISK_FULL_ERRNOS

# SQLite; PostgreSQL, whose own text follows; Redis, whose file of commands does not fit.
_MESSAGES = ("database or disk is full", "No space left on device", "MISCONF")


def storage_full(error: BaseException | None) -> StorageFull | None:
    """The refusal that this error amounts to, if it or its cause is a full disk."""
    if not any(_is_full_disk(cause) for cause in _causes(error)):
        return None
    return StorageFull(
        rule="What you send must be stored.",
        received="no space left on the disk of this site",
        remedy="Nothing was kept. Whoever runs the site must make room; try again later.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS:
        return True
    return any(message in str(error) for message in _MESSAGES)
