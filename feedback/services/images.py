"""Keep and forget pixels."""

import contextlib
import datetime
import io
from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone
from PIL import Image

from feedback.models import Classification, StoredImage
from modeltrain.images import codec
from modeltrain.images.codec import Pixels
from modeltrain.images.hashing import Pdq, is_near_duplicate, pdq

# What a crash left behind is younger than this only while its request or task may still run.
LOST_AFTER = datetime.timedelta(hours=1)
VEIL_SIDE = 12


def keep(pixels: Pixels) -> StoredImage:
    """Store re-encoded pixels under a random name."""
    fingerprint = pdq(pixels)
    image = StoredImage(
        sha256=codec.pixel_sha256(pixels),
        pdq=fingerprint.bits,
        pdq_quality=fingerprint.quality,
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
    image.file.save("image.png", ContentFile(codec.to_png(pixels)), save=False)
    image.save()
    return image


def pixels_of(image: StoredImage) -> Pixels:
    with image.file.open("rb") as file:
        return codec.decode(file.read())


def veiled(image: StoredImage) -> bytes:
    """A PNG of so few grey pixels that nobody can tell what the picture shows."""
    small = Image.fromarray(pixels_of(image)).convert("L")
    small.thumbnail((VEIL_SIDE, VEIL_SIDE), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()


def join_cluster(image: StoredImage) -> None:
    """Put a reported picture among those that are nearly the same, or begin with it."""
    reported = StoredImage.objects.filter(example__isnull=False).exclude(pk=image.pk)
    near = {
        pk: cluster
        for pk, cluster, sha256, bits, quality in reported.values_list(
            "pk", "cluster", "sha256", "pdq", "pdq_quality"
        )
        if sha256 == image.sha256 or is_near_duplicate(Pdq(bits, quality), image.fingerprint)
    }
    # Two that are screened at once do not see each other's cluster, and both name the same.
    image.cluster = min((one for one in near.values() if one), default=min([image.pk, *near]))
    StoredImage.objects.filter(pk=image.pk).update(cluster=image.cluster)


def forget(image: StoredImage) -> None:
    """Remove the row, then the file: no row ever names a file that is gone."""
    storage, name = image.file.storage, str(image.file.name)
    with transaction.atomic():
        image.delete()
        transaction.on_commit(lambda: storage.delete(name))


def sweep() -> None:
    """Remove what a crash left behind: rows that nothing names, and files that no row names."""
    edge = timezone.now() - LOST_AFTER
    for image in StoredImage.objects.filter(
        classification__isnull=True, example__isnull=True, created_at__lt=edge
    ):
        forget(image)
    for storage, named in (
        (storages["images"], StoredImage.objects.values_list("file", flat=True)),
        (storages["incoming"], Classification.objects.values_list("upload", flat=True)),
    ):
        for name in set(_files(storage)) - set(named):
            with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                if storage.get_modified_time(name) < edge:
                    storage.delete(name)


def _files(storage: Storage, folder: str = "") -> Iterator[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever kept
        return
    for name in files:
        yield f"{folder}{name}"
    for name in folders:
        yield from _files(storage, f"{folder}{name}/")
