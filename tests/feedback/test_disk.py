"""A full disk is recognised, whoever tells of it, and nothing else is taken for one."""

import errno

import pytest

from feedback.disk import storage_full


def caused(cause: BaseException) -> Exception:
    error = ValueError("the file was not written")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        Exception("database or disk is full"),
        Exception("MISCONF Redis is configured to save, but is unable to persist"),
        caused(OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_a_full_disk_is_said_to_be_one_with_a_way_out(error) -> None:
    refusal = storage_full(error)
    assert refusal is not None
    assert "Nothing was kept" in refusal.remedy


@pytest.mark.parametrize(
    "error", [None, OSError(errno.EACCES, "Permission denied"), ValueError("a broken image")]
)
def test_other_errors_are_no_full_disk(error) -> None:
    assert storage_full(error) is None
