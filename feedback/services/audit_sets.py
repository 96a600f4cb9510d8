"""Bring in images that models are measured on, and never learn from."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import transaction

from feedback.errors import Invalid
from feedback.models import AuditSet, Axis, AxisValue, DatasetVersion, ModelVersion
from feedback.models.group import SLICE
from feedback.services import audits, manifests
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.data import manifest
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images import codec
from modeltrain.images.hashing import Pdq, is_near_duplicate, pdq
from modeltrain.labels import LABELS
from modeltrain.model.features import ImageMissing, load_pixels

Step = Callable[[int, int], None]


@dataclass(frozen=True)
class AuditSetImport:
    """What came of an import.

    Attributes
    ----------
    audit_set : AuditSet
    told : list of str
        What was left out, and what the set can say nothing of. For people.
    """

    audit_set: AuditSet
    told: list[str]


def import_set(
    *,
    name: str,
    data: Dataset,
    card: str = "",
    new_groups: bool = False,
    public_images: bool = False,
    step: Step,
) -> AuditSetImport:
    """Freeze a dataset's images as an audit set; from then on it decides about new models.

    Images that a model has learnt from, or nearly has, are left out and told. All of the set comes
    in, or nothing.

    Parameters
    ----------
    name : str
        A slug that no other set has.
    data : Dataset
        All of its splits.
    card : str
        Where the images come from, and their licence.
    new_groups : bool
        Whether axes and values that the site does not know are made; refused otherwise.
    public_images : bool
        Whether anybody may see its pictures.
    step : callable
        Called with images done and images in all.
    """
    _check(name, data, new_groups=new_groups)
    told: list[str] = []
    rows, prints = _readable(data, told, step)
    rows = _unlearnt(rows, prints, told)
    if not rows:
        raise Invalid(
            rule="An audit set needs images that no model has learnt from.",
            received=f"{len(data.rows)} images, and none of them is left. {' '.join(told)}",
            remedy="Import other images.",
        )
    told += _shared(rows) + _thin(rows)
    folder = Path(settings.AUDIT_IMAGES_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        pixels = load_pixels(row.sha256, data.images)
        write_whole(folder / f"{row.sha256}.png", codec.to_png(pixels))
    with transaction.atomic():
        if new_groups:
            _add_groups(rows)
        audit_set = AuditSet.objects.create(
            name=name,
            manifest_sha256=manifests.publish(rows),
            images=len(rows),
            card=card,
            public_images=public_images,
        )
        for model in ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE):
            audits.request(model=model, audit_set=audit_set)
    return AuditSetImport(audit_set, told)


def _check(name: str, data: Dataset, *, new_groups: bool) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name):
        raise Invalid(
            rule="A set's name has small letters, digits and hyphens, at most 50.",
            received=repr(name),
            remedy="Choose another.",
        )
    if AuditSet.objects.filter(name=name).exists():
        raise Invalid(
            rule="A set is frozen: its name is used once.",
            received=f"{name}, which is there already",
            remedy="Give the new version a new name, such as its name with a number.",
        )
    if any(SLICE in row.groups for row in data.rows):
        raise Invalid(
            rule="Names on this axis are given here, to what an audit found.",
            received=f"images with a value on the axis {SLICE!r}",
            remedy="Give the axis another name and import again.",
        )
    unknown = Counter(row.label for row in data.rows if row.label not in LABELS)
    if unknown:
        raise Invalid(
            rule=f"An audit set's labels must be among {', '.join(LABELS)}.",
            received=_counted(unknown),
            remedy="Rename the classes and import again.",
        )
    known = {(value.axis.name, value.name) for value in _values()}
    pairs = Counter(pair for row in data.rows for pair in row.groups.items() if pair not in known)
    if pairs and not new_groups:
        raise Invalid(
            rule="Groups must be on axes that the site knows, with values that it knows.",
            received=_counted(Counter({f"{a}={v}": n for (a, v), n in pairs.items()})),
            remedy="Correct them, or let them be made with --new-groups.",
        )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))


def _values() -> Sequence[AxisValue]:
    return list(AxisValue.objects.select_related("axis"))


def _readable(data: Dataset, told: list[str], step: Step) -> tuple[list[Row], dict[str, Pdq]]:
    rows, prints, gone = [], {}, []
    for done, row in enumerate(data.rows, start=1):
        try:
            prints[row.sha256] = pdq(load_pixels(row.sha256, data.images))
            rows.append(replace(row, split="audit"))
        except ImageMissing as reason:
            gone.append(str(reason))
        step(done, len(data.rows))
    if gone:
        told.append(f"{len(gone)} images cannot be read and are left out, the first: {gone[0]}")
    return rows, prints


def _unlearnt(rows: Sequence[Row], prints: dict[str, Pdq], told: list[str]) -> list[Row]:
    """Leave out what is in a dataset, and what shares a cluster or a look with what is."""
    learnt: dict[str, Row] = {}
    for dataset in DatasetVersion.objects.all():
        learnt |= {row.sha256: row for row in manifest.read(dataset.manifest)}
    looks = []
    for sha256 in learnt:
        path = manifests.image_path(sha256)
        if path.is_file():
            looks.append(pdq(codec.decode(path.read_bytes())))
    clusters = {row.cluster for row in learnt.values()}
    # What was reported is named otherwise in manifests.
    reported = set(manifests.reported_images().values_list("sha256", flat=True))
    kept = [
        row
        for row in rows
        if row.sha256 not in learnt
        and row.sha256 not in reported
        and row.cluster not in clusters
        and not any(is_near_duplicate(prints[row.sha256], look) for look in looks)
    ]
    if left := len(rows) - len(kept):
        told.append(
            f"{left} images are left out: a model here has learnt from them, or from one that is "
            "nearly the same."
        )
    return kept


def _shared(rows: Sequence[Row]) -> list[str]:
    hashes = {row.sha256 for row in rows}
    told = []
    for other in AuditSet.objects.all():
        shared = len(hashes & {row.sha256 for row in manifest.read(other.manifest)})
        if shared:
            told.append(f"{shared} images are in audit set {other.name} too: looks at it count.")
    return told


def _thin(rows: Sequence[Row]) -> list[str]:
    """Say of which classes and groups the set will say nothing."""
    told = []
    labels = Counter(row.label for row in rows)
    if empty := [label for label in LABELS if not labels[label]]:
        told.append(
            f"There is no image of {', '.join(empty)}: no model passes the gate on this set "
            "without a named maintainer's reason."
        )
    groups = Counter(f"{axis}={value}" for row in rows for axis, value in row.groups.items())
    if few := Counter({name: n for name, n in groups.items() if n < MINIMUM_IMAGES}):
        told.append(
            f"Groups with fewer than {MINIMUM_IMAGES} images will read insufficient data: "
            f"{_counted(few)}."
        )
    return told


def _add_groups(rows: Sequence[Row]) -> None:
    for axis, value in sorted({pair for row in rows for pair in row.groups.items()}):
        found, _ = Axis.objects.get_or_create(
            name=axis, defaults={"title": axis.replace("_", " ").capitalize()}
        )
        AxisValue.objects.get_or_create(
            axis=found, name=value, defaults={"title": value.replace("_", " ").capitalize()}
        )
