"""Where uploads and images are stored."""

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class WholeFileStorage(FileSystemStorage):
    """Leaves no part of a file behind when the disk is full."""

    def _save(self, name: str, content: "File[bytes]") -> str:
        try:
            return super()._save(name, content)  # type: ignore[misc]
        except OSError:
            self.delete(name)
            raise
