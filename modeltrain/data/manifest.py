"""A manifest: the images of a dataset, as JSON Lines that hash the same for the same rows."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from modeltrain.files import is_storable, write_whole
from modeltrain.labels import LABELS

SPLITS = ("train", "validation", "audit")
REPORTED = "report"  # the source of a reported image's row; every other row is an anchor

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ManifestError(ValueError):
    """A manifest breaks a rule.

    Attributes
    ----------
    rule, received, remedy : str
        The rule, what was received (with its line, when read from a file), and what to do.
    """

    def __init__(self, rule: str, received: str, remedy: str) -> None:
        self.rule = rule
        self.received = received
        self.remedy = remedy
        super().__init__(f"{rule} Received: {received}. {remedy}")


@dataclass(frozen=True)
class Row:
    """One image of a dataset.

    Attributes
    ----------
    sha256 : str
        `codec.pixel_sha256` of its pixels, or `codec.erasable_name` of an image that may be erased.
    label : str
        What the image really shows; one of the dataset's labels.
    groups : mapping of str to str
        Axis to value, such as `medium` to `vector`. Axes that do not apply to it are left out.
    split : {"train", "validation", "audit"}
    source : str
        Where the image came from, for people to read.
    cluster : str
        The near-duplicates it belongs to. All images of a cluster are in one split.
    """

    sha256: str
    label: str
    groups: Mapping[str, str] = field(hash=False)
    split: str
    source: str
    cluster: str


_KEYS = {row_field.name for row_field in fields(Row)}


def write(path: Path, rows: Iterable[Row], *, labels: Collection[str] = LABELS) -> str:
    """Write a manifest atomically.

    Parameters
    ----------
    path : pathlib.Path
    rows : iterable of Row
    labels : collection of str
        The labels that a row may have.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    ManifestError
        When a row breaks a rule, an image appears twice, or a cluster is in two splits.
    """
    data = _to_bytes(rows, labels)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def read(path: Path, *, labels: Collection[str] = LABELS) -> list[Row]:
    """Read a manifest and check every row.

    Raises
    ------
    ManifestError
        When a line breaks a rule; names the line.
    """
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            rows.append(_parse(line, labels, where=f"{path.name}, line {number}"))
    _check_unique(rows, where=path.name)
    return rows


def sha256(rows: Iterable[Row], *, labels: Collection[str] = LABELS) -> str:
    """Return the SHA-256 that `write` would return, without writing."""
    return hashlib.sha256(_to_bytes(rows, labels)).hexdigest()


def split_of(cluster: str, *, audit_share: float = 0.5, validation_share: float = 0.1) -> str:
    """Return the split of a cluster of near-duplicates, from the hash of its name alone.

    An image and its crop share a cluster, so they are always in the same split, on any machine and
    at any time.

    Parameters
    ----------
    cluster : str
    audit_share, validation_share : float
        Shares of all clusters, together at most 1. The rest is for training.

    Returns
    -------
    {"train", "validation", "audit"}

    Raises
    ------
    ValueError
        When a share is negative or both add up to more than 1.
    """
    if audit_share < 0 or validation_share < 0 or audit_share + validation_share > 1:
        raise ValueError(
            "Shares must be 0 or more and at most 1 together. "
            f"Received: audit {audit_share}, validation {validation_share}. Lower one of them."
        )
    position = int.from_bytes(hashlib.sha256(cluster.encode()).digest()[:8], "big") / 2**64
    if position < audit_share:
        return "audit"
    return "validation" if position < audit_share + validation_share else "train"


def _to_bytes(rows: Iterable[Row], labels: Collection[str]) -> bytes:
    rows = sorted(rows, key=lambda row: row.sha256)
    lines = []
    for row in rows:
        values = asdict(row) | {"groups": dict(row.groups)}
        line = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        _parse(line.encode(errors="surrogatepass"), labels, where=f"a row for image {row.sha256!r}")
        lines.append(line + "\n")
    _check_unique(rows, where="the rows")
    return "".join(lines).encode()


def _parse(line: bytes, labels: Collection[str], *, where: str) -> Row:
    def error(rule: str, received: Any) -> ManifestError:
        remedy = "Build the manifest again from its rows."
        return ManifestError(rule, f"{received!r} ({where})", remedy)

    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise error("Each line must be one JSON object.", line[:60]) from None
    if not isinstance(values, dict) or set(values) != _KEYS:
        keys = sorted(values) if isinstance(values, dict) else values
        raise error(f"A row must have exactly {', '.join(sorted(_KEYS))}.", keys)
    for key in sorted(_KEYS - {"groups"}):
        if not _is_text(values[key]):
            raise error(f"A row's {key} must be text.", values[key])
    if not _SHA256.fullmatch(values["sha256"]):
        raise error("A row's sha256 must be 64 hexadecimal digits.", values["sha256"])
    if values["label"] not in labels:
        raise error(f"A row's label must be one of {', '.join(labels)}.", values["label"])
    if values["split"] not in SPLITS:
        raise error(f"A row's split must be one of {', '.join(SPLITS)}.", values["split"])
    groups = values["groups"]
    if not isinstance(groups, dict) or not all(
        _is_text(axis) and _is_text(value) for axis, value in groups.items()
    ):
        raise error("A row's groups must give each axis one value in text.", groups)
    return Row(**values)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and is_storable(value)


def _check_unique(rows: Iterable[Row], *, where: str) -> None:
    images: set[str] = set()
    splits: dict[str, str] = {}
    for row in rows:
        if row.sha256 in images:
            raise ManifestError(
                "An image must be in a manifest once.",
                f"{row.sha256} twice ({where})",
                "Leave one of them out.",
            )
        images.add(row.sha256)
        if splits.setdefault(row.cluster, row.split) != row.split:
            raise ManifestError(
                "A cluster of near-duplicates must be in one split.",
                f"{row.cluster!r} in {splits[row.cluster]} and {row.split} ({where})",
                "Take the split from manifest.split_of.",
            )
