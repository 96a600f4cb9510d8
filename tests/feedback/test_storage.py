"""What could not be stored as a whole is not stored at all."""

import errno
from collections.abc import Iterator

import pytest
from django.core.files.base import ContentFile, File

from feedback.storage import WholeFileStorage


class FullAfterTheFirstPart(ContentFile):
    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"the first part"
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_whole_file_is_stored(tmp_path) -> None:
    storage = WholeFileStorage(location=tmp_path)
    name = storage.save("image.png", ContentFile(b"an image"))
    with storage.open(name) as file:
        assert isinstance(file, File)
        assert file.read() == b"an image"


def test_of_a_file_that_did_not_fit_nothing_is_left(tmp_path) -> None:
    storage = WholeFileStorage(location=tmp_path)
    with pytest.raises(OSError, match="No space left"):
        storage.save("image.png", FullAfterTheFirstPart(b""))
    assert list(tmp_path.iterdir()) == []
