"""Get data: from folders, archives, tables and lists of addresses into one dataset."""

from modeltrain.importing.images import DiskFull, Imported, import_images

__all__ = ["DiskFull", "Imported", "import_images"]
