"""A dataset without its duplicates and conflicts, and a list that says why each image left.

Nothing is deleted and nothing is decided silently: images stay where they lie, a new dataset names
the ones that are kept, and a picture that is there under two labels is left to people.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modeltrain.curate import duplicates
from modeltrain.curate.alignment import Pixels
from modeltrain.curate.duplicates import DuplicatePair
from modeltrain.data import dataset
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing, features, load_pixels
from modeltrain.progress import ProgressCallback, quiet

LIST = "clean.jsonl"
DUPLICATE, CONFLICT, NEAR_AUDIT, MISSING = "duplicate", "conflict", "near audit", "missing"
_FIRST = {"audit": 0, "validation": 1, "train": 2}  # whose image is kept, and whose cluster wins


@dataclass(frozen=True)
class Left:
    """An image that is not in the new dataset.

    Attributes
    ----------
    sha256, label, source : str
        As in the manifest.
    reason : {"duplicate", "conflict", "near audit", "missing"}
    of : tuple of str
        Hashes of the images that it is the same picture as.
    sentence : str
        Why, for people.
    """

    sha256: str
    label: str
    source: str
    reason: str
    of: tuple[str, ...]
    sentence: str


def clean(
    data: Dataset,
    out: Path,
    *,
    classifier: Classifier,
    cache: Path,
    keep_conflicts: bool = False,
    progress: ProgressCallback = quiet,
) -> tuple[Dataset, list[Left]]:
    """Write a dataset in which every picture is once, and `clean.jsonl` in it.

    Of one picture under one label the audit split's image is kept, then validation's, then the
    largest, then the one with the lowest hash. Under two labels it is a conflict: all its images
    are left out, unless `keep_conflicts`. Clusters that share a picture become one; where one was
    on two sides of a split, only its audit (else its validation) images are kept.

    Parameters
    ----------
    data : Dataset
    out : pathlib.Path
        Folder of the new dataset.
    classifier : Classifier
        Whose features find pictures that hashes miss.
    cache : pathlib.Path
        Of features.
    keep_conflicts : bool
        Keep the images of conflicts, which are listed all the same.
    progress : callable

    Returns
    -------
    tuple of Dataset and list of Left
        Also of the images that could not be read.

    Raises
    ------
    DatasetRefused
        When `out` holds a dataset.
    """
    dataset.refuse_existing(out)
    rows, sizes, left = _readable(data, progress)

    def read(at: int) -> Pixels:
        return load_pixels(rows[at].sha256, data.images)

    known = features(rows, data.images, classifier, cache, progress)
    pairs = duplicates.find(read, len(rows), known, progress=progress)
    kept = _without_duplicates(rows, sizes, pairs, left, keep_conflicts=keep_conflicts)
    rows_kept = _with_clusters(rows, kept, pairs, left)
    out.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in _in_order(left)]
    write_whole(out / LIST, "".join(lines).encode())
    made = dataset.write(out, labels=data.labels, rows=rows_kept, images=data.images)
    return made, _in_order(left)


def counts(left: Sequence[Left]) -> dict[str, int]:
    """Count what left, by reason."""
    return dict(sorted(Counter(each.reason for each in left).items()))


def _in_order(left: Sequence[Left]) -> list[Left]:
    return sorted(left, key=lambda each: (each.reason, each.sha256))


def _readable(data: Dataset, progress: ProgressCallback) -> tuple[list[Row], list[int], list[Left]]:
    """Return the rows whose images can be read, their sizes in pixels, and the others."""
    rows, sizes, left = [], [], []
    for done, row in enumerate(data.rows, start=1):
        try:
            height, width, _ = load_pixels(row.sha256, data.images).shape
        except ImageMissing as error:
            left.append(_left(row, MISSING, (), str(error)))
        else:
            rows.append(row)
            sizes.append(height * width)
        progress("reading", done, len(data.rows), "Reading images")
    return rows, sizes, left


def _left(row: Row, reason: str, of: Sequence[str], sentence: str) -> Left:
    return Left(row.sha256, row.label, row.source, reason, tuple(of), sentence)


def _without_duplicates(
    rows: Sequence[Row],
    sizes: Sequence[int],
    pairs: Sequence[DuplicatePair],
    left: list[Left],
    *,
    keep_conflicts: bool,
) -> set[int]:
    kept = set(range(len(rows)))
    how = {(pair.one, pair.other): pair.same for pair in pairs}
    for members in duplicates.groups(pairs, len(rows)):
        labels = sorted({rows[at].label for at in members})
        if len(labels) > 1:
            for at in members:
                others = [rows[each].sha256 for each in members if each != at]
                said = (
                    f"The same picture is there as {' and as '.join(labels)}. Decide which it is, "
                    "and give it one label."
                )
                left.append(_left(rows[at], CONFLICT, others, said))
            kept -= set() if keep_conflicts else set(members)
            continue
        order = sorted(
            members, key=lambda at: (_FIRST[rows[at].split], -sizes[at], rows[at].sha256)
        )
        first, *rest = order
        for at in rest:
            same = how.get((min(first, at), max(first, at)))
            said = f"The same picture as {rows[first].sha256} ({rows[first].source}), which is kept"
            said += (
                f": {same.changed:.0%} of it differs, {'mirrored, ' if same.mirrored else ''}"
                f"turned by {same.turn:.0f}°, scaled by {same.scale:.2f}."
                if same
                else ", by way of another copy."
            )
            left.append(_left(rows[at], DUPLICATE, [rows[first].sha256], said))
        kept -= set(rest)
    return kept


def _with_clusters(
    rows: Sequence[Row], kept: set[int], pairs: Sequence[DuplicatePair], left: list[Left]
) -> list[Row]:
    """Join clusters that share a picture, and keep each on one side of a split."""
    names = sorted({row.cluster for row in rows})
    place = {name: at for at, name in enumerate(names)}
    joined = [
        replace(pair, one=place[rows[pair.one].cluster], other=place[rows[pair.other].cluster])
        for pair in pairs
    ]
    name_of: Mapping[str, str] = {
        names[at]: names[min(members)]
        for members in duplicates.groups(joined, len(names))
        for at in members
    }
    clustered = {
        at: replace(row, cluster=name_of.get(row.cluster, row.cluster))
        for at, row in enumerate(rows)
    }
    side: dict[str, str] = {}
    for at in sorted(kept):
        row = clustered[at]
        side[row.cluster] = min(side.get(row.cluster, row.split), row.split, key=_FIRST.__getitem__)
    out = []
    for at in sorted(kept):
        row = clustered[at]
        if row.split == side[row.cluster]:
            out.append(row)
            continue
        said = (
            f"Its cluster, {row.cluster!r}, shares a picture with one of split {side[row.cluster]}:"
            f" an image of split {row.split} would give the answer away."
        )
        left.append(_left(row, NEAR_AUDIT, (), said))
    return out


def summary(data: Dataset, made: Dataset, left: Sequence[Left]) -> dict[str, Any]:
    """Say in figures what became of a dataset."""
    return {
        "images": len(data.rows),
        "kept": len(made.rows),
        "left": counts(left),
        "kept_by_label": dict(sorted(Counter(row.label for row in made.rows).items())),
    }
