"""Import images from folders, archives, tables and lists of addresses into one dataset."""

from modeltrain.importing.images import DiskFull, ImportSummary, import_images

__all__ = ["DiskFull", "ImportSummary", "import_images"]
