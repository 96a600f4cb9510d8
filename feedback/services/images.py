"""Keep and forget pixels."""

from django.core.files.base import ContentFile

from feedback.models import StoredImage
from modeltrain import images
from modeltrain.hashing import pdq
from modeltrain.images import Pixels


def keep(pixels: Pixels) -> StoredImage:
    """Store re-encoded pixels under a random name."""
    fingerprint = pdq(pixels)
    image = StoredImage(
        sha256=images.pixel_sha256(pixels),
        pdq=fingerprint.bits,
        pdq_quality=fingerprint.quality,
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
    image.file.save("image.png", ContentFile(images.to_png(pixels)), save=False)
    image.save()
    return image


def pixels_of(image: StoredImage) -> Pixels:
    with image.file.open("rb") as file:
        return images.decode(file.read())


def forget(image: StoredImage) -> None:
    """Remove the row, then the file: no row ever names a file that is gone."""
    storage, name = image.file.storage, str(image.file.name)
    image.delete()
    storage.delete(name)
