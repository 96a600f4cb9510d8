"""A dataset without its duplicates and conflicts, and a list that says why each image is left out.

Nothing is deleted and nothing happens silently: images stay where they are, a new dataset names
those that are kept, and an image that appears under two labels is left for people to decide.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modeltrain.curate import detail, duplicates
from modeltrain.curate.alignment import Alignment, Pixels
from modeltrain.curate.duplicates import DuplicatePair, ReadPixels
from modeltrain.data import dataset
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.formatting import whole_percent
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import ImageMissing, compute_features, load_pixels
from modeltrain.progress import ProgressCallback, quiet

EXCLUDED_FILE = "clean.jsonl"
DUPLICATE, CONFLICT, NEAR_AUDIT, MISSING = "duplicate", "conflict", "near audit", "missing"
_PRIORITY = {"audit": 0, "validation": 1, "train": 2}  # whose image is kept, whose split wins


@dataclass(frozen=True)
class ExcludedImage:
    """An image that is not in the new dataset.

    Attributes
    ----------
    sha256, label, source : str
        As in the manifest.
    reason : {"duplicate", "conflict", "near audit", "missing"}
    of : tuple of str
        Hashes of the images that it duplicates.
    sentence : str
        The reason in words.
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
) -> tuple[Dataset, list[ExcludedImage]]:
    """Write a dataset without duplicates, with `clean.jsonl` in it.

    Of near-duplicates under one label the audit split's image is kept, then validation's, then the
    best by `detail.best`, then the one with the lowest hash. Near-duplicates under two labels are a
    conflict: all of them are left out, unless `keep_conflicts`. Clusters that share a
    near-duplicate become one. If such a cluster is in two splits, only its audit images (else its
    validation images) are kept.

    Parameters
    ----------
    data : Dataset
    out : pathlib.Path
        Folder of the new dataset.
    classifier : Classifier
        Its features find near-duplicates that hashes miss.
    cache : pathlib.Path
        Folder of cached features.
    keep_conflicts : bool
        Keep the images of conflicts; they are listed all the same.
    progress : callable

    Returns
    -------
    tuple of Dataset and list of ExcludedImage
        The list includes images that could not be read.

    Raises
    ------
    DatasetRefused
        When `out` already holds a dataset.
    """
    dataset.refuse_existing(out)
    rows, unreadable = _readable_rows(data, progress)

    def read_pixels(index: int) -> Pixels:
        return load_pixels(rows[index].sha256, data.images)

    image_features = compute_features(rows, data.images, classifier, cache, progress)
    pairs = duplicates.find(read_pixels, len(rows), image_features, progress=progress)
    kept_indices, copies = _exclude_duplicates(
        rows, read_pixels, pairs, keep_conflicts=keep_conflicts
    )
    kept_rows, relatives = _keep_clusters_in_one_split(rows, kept_indices, pairs)
    excluded = sorted(
        [*unreadable, *copies, *relatives], key=lambda image: (image.reason, image.sha256)
    )
    out.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(image), ensure_ascii=False) + "\n" for image in excluded]
    write_whole(out / EXCLUDED_FILE, "".join(lines).encode())
    cleaned = dataset.write(out, labels=data.labels, rows=kept_rows, images=data.images)
    return cleaned, excluded


def count_by_reason(excluded: Sequence[ExcludedImage]) -> dict[str, int]:
    """Count excluded images by reason."""
    return dict(sorted(Counter(image.reason for image in excluded).items()))


def _readable_rows(
    data: Dataset, progress: ProgressCallback
) -> tuple[list[Row], list[ExcludedImage]]:
    """Return the rows whose images can be read, and the other images."""
    rows, unreadable = [], []
    for count, row in enumerate(data.rows, start=1):
        try:
            load_pixels(row.sha256, data.images)
        except ImageMissing as error:
            unreadable.append(_exclude(row, MISSING, (), str(error)))
        else:
            rows.append(row)
        progress("reading", count, len(data.rows), "Reading images")
    return rows, unreadable


def _exclude(row: Row, reason: str, of: Sequence[str], sentence: str) -> ExcludedImage:
    return ExcludedImage(row.sha256, row.label, row.source, reason, tuple(of), sentence)


def _exclude_duplicates(
    rows: Sequence[Row],
    read_pixels: ReadPixels,
    pairs: Sequence[DuplicatePair],
    *,
    keep_conflicts: bool,
) -> tuple[set[int], list[ExcludedImage]]:
    """Return the indices of the rows to keep, and the duplicates and conflicts."""
    kept_indices = set(range(len(rows)))
    excluded = []
    alignments = {(pair.first, pair.second): pair.alignment for pair in pairs}
    for members in duplicates.clusters(alignments, len(rows)):
        labels = sorted({rows[index].label for index in members})
        if len(labels) > 1:
            for index in members:
                copies = [rows[copy].sha256 for copy in members if copy != index]
                sentence = (
                    f"The same image appears as {' and as '.join(labels)}. Decide which label is "
                    "right, and give it that label only."
                )
                excluded.append(_exclude(rows[index], CONFLICT, copies, sentence))
            kept_indices -= set() if keep_conflicts else set(members)
            continue
        split = min((rows[index].split for index in members), key=_PRIORITY.__getitem__)
        eligible = [index for index in members if rows[index].split == split]
        original = eligible[detail.best([detail.measure(read_pixels(i)) for i in eligible])]
        copies_of_it = [index for index in members if index != original]
        for index in copies_of_it:
            pair = min(original, index), max(original, index)
            sentence = _describe_copy(rows[original], alignments.get(pair))
            excluded.append(_exclude(rows[index], DUPLICATE, [rows[original].sha256], sentence))
        kept_indices -= set(copies_of_it)
    return kept_indices, excluded


def _describe_copy(original: Row, alignment: Alignment | None) -> str:
    sentence = f"The same image as {original.sha256} ({original.source}), which is kept"
    if alignment is None:
        return f"{sentence}, by way of another copy."
    return (
        f"{sentence}: {whole_percent(alignment.changed)} of it differs, "
        f"{'mirrored, ' if alignment.mirrored else ''}"
        f"rotated by {alignment.rotation:.0f}°, scaled by {alignment.scale:.2f}."
    )


def _keep_clusters_in_one_split(
    rows: Sequence[Row], kept_indices: set[int], pairs: Sequence[DuplicatePair]
) -> tuple[list[Row], list[ExcludedImage]]:
    """Join clusters that share a near-duplicate, and keep each in one split."""
    names = sorted({row.cluster for row in rows})
    index_of = {name: index for index, name in enumerate(names)}
    links = (
        (index_of[rows[pair.first].cluster], index_of[rows[pair.second].cluster]) for pair in pairs
    )
    joined_name = {
        names[index]: names[min(members)]
        for members in duplicates.clusters(links, len(names))
        for index in members
    }
    kept_rows = [
        replace(rows[index], cluster=joined_name.get(rows[index].cluster, rows[index].cluster))
        for index in sorted(kept_indices)
    ]
    split_of: dict[str, str] = {}
    for row in kept_rows:
        split = split_of.get(row.cluster, row.split)
        split_of[row.cluster] = min(split, row.split, key=_PRIORITY.__getitem__)
    excluded = [
        _exclude(
            row,
            NEAR_AUDIT,
            (),
            f"Its cluster, {row.cluster!r}, shares an image with split {split_of[row.cluster]}: an "
            f"image of split {row.split} would give the answer away.",
        )
        for row in kept_rows
        if row.split != split_of[row.cluster]
    ]
    return [row for row in kept_rows if row.split == split_of[row.cluster]], excluded


def summary(data: Dataset, cleaned: Dataset, excluded: Sequence[ExcludedImage]) -> dict[str, Any]:
    """Count what was kept and what was left out. Ready for JSON."""
    return {
        "images": len(data.rows),
        "kept": len(cleaned.rows),
        "left": count_by_reason(excluded),
        "kept_by_label": dict(sorted(Counter(row.label for row in cleaned.rows).items())),
    }
