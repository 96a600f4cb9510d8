"""Store and delete images."""

import contextlib
import datetime
import io
from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone
from PIL import Image

from feedback.models import Classification, Erasure, Report, StoredImage
from modeltrain.images import codec
from modeltrain.images.codec import Pixels
from modeltrain.images.hashing import Pdq, is_near_duplicate, pdq

# Younger than this, a file without a row may belong to a request or task that still runs.
ORPHANED_AFTER = datetime.timedelta(hours=1)
BLURRED_SIDE = 12  # pixels


def store(pixels: Pixels) -> StoredImage:
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


def blurred(image: StoredImage) -> bytes:
    """A PNG with so few grey pixels that nobody can tell what the image shows."""
    thumbnail = Image.fromarray(pixels_of(image)).convert("L")
    thumbnail.thumbnail((BLURRED_SIDE, BLURRED_SIDE), Image.Resampling.BOX)
    buffer = io.BytesIO()
    thumbnail.save(buffer, "PNG")
    return buffer.getvalue()


def join_cluster(image: StoredImage) -> None:
    """Add a reported image to the cluster of its near-duplicates, or start a new cluster."""
    other_images = StoredImage.objects.filter(example__isnull=False).exclude(pk=image.pk)
    near_duplicates = {
        pk: cluster
        for pk, cluster, sha256, bits, quality in other_images.values_list(
            "pk", "cluster", "sha256", "pdq", "pdq_quality"
        )
        if sha256 == image.sha256 or is_near_duplicate(Pdq(bits, quality), image.fingerprint)
    }
    clusters = [cluster for cluster in near_duplicates.values() if cluster]
    # Images that are screened at once do not see each other's cluster: all take the lowest key.
    image.cluster = min(clusters, default=min([image.pk, *near_duplicates]))
    StoredImage.objects.filter(pk=image.pk).update(cluster=image.cluster)


def delete_image(image: StoredImage) -> None:
    """Delete the row, then the file: no row ever names a file that is gone."""
    storage, name = image.file.storage, str(image.file.name)
    with transaction.atomic():
        image.delete()
        transaction.on_commit(lambda: storage.delete(name))


@transaction.atomic
def delete_images(*, report: Report) -> None:
    """Delete the images of a report, and record what `erasure.erase_files` must erase elsewhere."""
    for image in StoredImage.objects.filter(example__report=report):
        Erasure.objects.create(report=report, file=str(image.file.name), name=image.name)
        delete_image(image)


def delete_file(name: str) -> None:
    """Delete the file of an image whose row is gone, if there is a file."""
    storages["images"].delete(name)


def purge_orphans() -> None:
    """Delete what a crash left behind: images without a report or visitor, files without a row."""
    cutoff = timezone.now() - ORPHANED_AFTER
    for image in StoredImage.objects.filter(
        classification__isnull=True, example__isnull=True, created_at__lt=cutoff
    ):
        delete_image(image)
    for storage, names in (
        (storages["images"], StoredImage.objects.values_list("file", flat=True)),
        (storages["incoming"], Classification.objects.values_list("upload", flat=True)),
    ):
        for name in set(_files(storage)) - set(names):
            with contextlib.suppress(FileNotFoundError):  # another process deleted it first
                if storage.get_modified_time(name) < cutoff:
                    storage.delete(name)


def _files(storage: Storage, folder: str = "") -> Iterator[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:  # nothing has been stored yet
        return
    for name in files:
        yield f"{folder}{name}"
    for name in folders:
        yield from _files(storage, f"{folder}{name}/")
