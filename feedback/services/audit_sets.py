"""Import images that models are measured on and never learn from."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import transaction

from feedback.errors import Invalid
from feedback.models import AuditSet, Axis, AxisValue, DatasetVersion, ModelVersion
from feedback.models.axis import SLICE
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

ImportProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class AuditSetImport:
    """The result of an import.

    Attributes
    ----------
    audit_set : AuditSet
    warnings : list of str
        Which images were left out and which groups the set cannot measure, in sentences for people.
    """

    audit_set: AuditSet
    warnings: list[str]


def import_set(
    *,
    name: str,
    data: Dataset,
    card: str = "",
    new_groups: bool = False,
    public_images: bool = False,
    confirmation: bool = False,
    progress: ImportProgress,
) -> AuditSetImport:
    """Freeze a dataset's images as an audit set, which decides about new models from then on.

    A confirmation set does not decide. It has no audits until a candidate is about to be promoted.

    An image that a model has learnt from, or a near duplicate of one, is left out with a warning.
    The import either stores the whole set or nothing.

    Parameters
    ----------
    name : str
        A slug that no other set uses.
    data : Dataset
        All its splits are imported.
    card : str
        Where the images come from, and their licence.
    new_groups : bool
        Whether to create unknown axes and values; otherwise they are refused.
    public_images : bool
        Whether anyone may see its images.
    confirmation : bool
        Whether it is opened only for candidates that are about to be promoted.
    progress : callable
        Called with the number of images read and the total.
    """
    _check(name, data, new_groups=new_groups)
    if confirmation and public_images:
        raise Invalid(
            rule="Nobody sees the images of a confirmation set.",
            received="confirmation and public images together",
            remedy="Choose one of them.",
        )
    warnings: list[str] = []
    rows, hashes = _readable(data, warnings, progress)
    rows = _exclude_learnt(rows, hashes, warnings)
    if not rows:
        raise Invalid(
            rule="An audit set needs images that no model has learnt from.",
            received=f"{len(data.rows)} images, and none of them is left. {' '.join(warnings)}",
            remedy="Import other images.",
        )
    warnings += _overlap_warnings(rows, confirmation=confirmation)
    warnings += _size_warnings(rows, decides=not confirmation)
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
            confirmation=confirmation,
        )
        if confirmation:
            return AuditSetImport(audit_set, warnings)
        for model in ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE):
            audits.request(model=model, audit_set=audit_set)
    return AuditSetImport(audit_set, warnings)


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
            received=_format_counts(unknown),
            remedy="Rename the classes and import again.",
        )
    existing = {(value.axis.name, value.name) for value in AxisValue.objects.select_related("axis")}
    new_pairs = Counter(
        pair for row in data.rows for pair in row.groups.items() if pair not in existing
    )
    if new_pairs and not new_groups:
        raise Invalid(
            rule="Groups must be on axes that the site knows, with values that it knows.",
            received=_format_counts(
                Counter({f"{axis}={value}": n for (axis, value), n in new_pairs.items()})
            ),
            remedy="Correct them, or let them be made with --new-groups.",
        )


def _format_counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))


def _readable(
    data: Dataset, warnings: list[str], progress: ImportProgress
) -> tuple[list[Row], dict[str, Pdq]]:
    rows, hashes, errors = [], {}, []
    for number, row in enumerate(data.rows, start=1):
        try:
            hashes[row.sha256] = pdq(load_pixels(row.sha256, data.images))
            rows.append(replace(row, split="audit"))
        except ImageMissing as error:
            errors.append(str(error))
        progress(number, len(data.rows))
    if errors:
        warnings.append(
            f"{len(errors)} images cannot be read and are left out, the first: {errors[0]}"
        )
    return rows, hashes


def _exclude_learnt(rows: Sequence[Row], hashes: dict[str, Pdq], warnings: list[str]) -> list[Row]:
    """Leave out images of datasets, and images of the same clusters or with nearly equal hashes."""
    learnt_rows: dict[str, Row] = {}
    for dataset in DatasetVersion.objects.all():
        learnt_rows |= {row.sha256: row for row in manifest.read(dataset.manifest)}
    learnt_hashes = []
    for sha256 in learnt_rows:
        path = manifests.image_path(sha256)
        if path.is_file():
            learnt_hashes.append(pdq(codec.decode(path.read_bytes())))
    clusters = {row.cluster for row in learnt_rows.values()}
    # Manifests refer to reported images by another name.
    reported = set(manifests.reported_images().values_list("sha256", flat=True))
    unlearnt = [
        row
        for row in rows
        if row.sha256 not in learnt_rows
        and row.sha256 not in reported
        and row.cluster not in clusters
        and not any(is_near_duplicate(hashes[row.sha256], learnt) for learnt in learnt_hashes)
    ]
    if excluded := len(rows) - len(unlearnt):
        warnings.append(
            f"{excluded} images are left out: a model here has learnt from them, or from one that "
            "is nearly the same."
        )
    return unlearnt


def _overlap_warnings(rows: Sequence[Row], *, confirmation: bool) -> list[str]:
    hashes = {row.sha256 for row in rows}
    warnings = []
    for audit_set in AuditSet.objects.all():
        shared = len(hashes & {row.sha256 for row in manifest.read(audit_set.manifest)})
        if shared and (confirmation or audit_set.confirmation):
            raise Invalid(
                rule="A confirmation set shares no image with another audit set.",
                received=f"{shared} images that are in {audit_set.name} too",
                remedy="Leave them out and import again.",
            )
        if shared:
            warnings.append(
                f"{shared} images are in audit set {audit_set.name} too: its gate decisions count."
            )
    return warnings


def _size_warnings(rows: Sequence[Row], *, decides: bool) -> list[str]:
    """Name the labels and groups with too few images for a conclusion."""
    # The policy's module imports statistics, which take seconds.
    from modeltrain.audit.columns import CLASS
    from modeltrain.gate.policy import Policy

    policy = Policy.load()
    warnings = policy.warnings()
    labels = Counter(row.label for row in rows)
    empty = [label for label in LABELS if not labels[label]]
    missing = [label for label in empty if decides and policy.requires(CLASS, label)]
    if missing:
        warnings.append(
            f"There is no image of {', '.join(missing)}: no model passes the gate on this set "
            "without a named maintainer's reason."
        )
    if unknown := [label for label in empty if label not in missing]:
        warnings.append(
            f"There is no image of {', '.join(unknown)}: the gate's verdicts on this set say "
            "nothing about them."
        )
    clusters = {
        (f"{axis}={value}", row.cluster) for row in rows for axis, value in row.groups.items()
    }
    groups = Counter(name for name, _ in clusters)
    if few := Counter({name: n for name, n in groups.items() if n < MINIMUM_IMAGES}):
        warnings.append(
            f"Groups with fewer than {MINIMUM_IMAGES} different images will read “not enough "
            f"images”: {_format_counts(few)}."
        )
    return warnings


def _add_groups(rows: Sequence[Row]) -> None:
    for axis_name, name in sorted({pair for row in rows for pair in row.groups.items()}):
        axis, _ = Axis.objects.get_or_create(name=axis_name, defaults={"title": _title(axis_name)})
        AxisValue.objects.get_or_create(axis=axis, name=name, defaults={"title": _title(name)})


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
