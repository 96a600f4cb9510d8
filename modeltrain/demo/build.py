"""Build the demo's data: real, harmless pictures from two packages, in a pool and an audit set.

The pool is what the public would report from. The audit set is frozen; no cluster of
near-duplicates is in both. Which picture goes where follows from hashes of names, so that every
machine builds the same data.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import resvg_py

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.demo.card import card
from modeltrain.demo.sources import (
    SKIN_TONES,
    Picture,
    openmoji_drawings,
    photographs,
    tuxpaint_drawings,
)
from modeltrain.images import codec

STAMPS_PACKAGE = "tuxpaint-stamps-default"
STAMPS_INSIDE = Path("usr/share/tuxpaint/stamps")
AUDIT_SHARE = 0.5
VALIDATION_SHARE = 0.15  # of the pool

AUDIT_PHOTOGRAPHS = 140
AUDIT_TUXPAINT_DRAWINGS = 100
AUDIT_OTHER_DRAWINGS = 100
POOL_OTHER_DRAWINGS = 150
POOL_ROUNDS = 2  # drawings of each person or hand in each skin tone; one in the audit set

_SIZES = (256, 288, 320, 352)  # pixels; a model must not learn one size
_LONGEST = 480


def build(
    *, openmoji: Path, stamps: Path | None, out: Path, progress: Callable[[int, int], None]
) -> dict[str, int]:
    """Draw the pictures and write the pool, the audit set, samples and a card.

    Parameters
    ----------
    openmoji : Path
        The folder of the npm package `openmoji`.
    stamps : Path or None
        What `fetch_stamps` returned. Without it there are no photographs, so `neutral` has no
        audit images and no verdict.
    out : Path
        Written whole or not at all: a build that is killed leaves `out` as it was.
    progress : callable
        Called with pictures drawn and pictures in all.

    Returns
    -------
    dict of str to int
        Images in `pool` and `audit`.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    pool, audit = _choose(openmoji, stamps)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        folder = Path(scratch) / "new"
        (folder / "images").mkdir(parents=True)
        rows, titles = _draw(pool, audit, folder / "images", progress)
        pool_rows = [row for row in rows if row.split != "audit"]
        audit_rows = [row for row in rows if row.split == "audit"]
        manifest.write(folder / "pool.jsonl", pool_rows)
        manifest.write(folder / "audit.jsonl", audit_rows)
        where = {row.sha256: str(out / "images" / f"{row.sha256}.png") for row in rows}
        (folder / "images.json").write_text(json.dumps(where, indent=0, sort_keys=True))
        _write_samples(folder, pool_rows, titles)
        (folder / "CARD.md").write_text(card(pool_rows, audit_rows))
        if out.exists():
            out.rename(Path(scratch) / "old")
        folder.rename(out)
    return {"pool": len(pool_rows), "audit": len(audit_rows)}


def fetch_stamps(folder: Path) -> Path | None:
    """Download the Debian package of Tux Paint's stamps and unpack it; nothing is installed.

    Parameters
    ----------
    folder : Path
        Where to unpack. Used as it is where it already holds the stamps.

    Returns
    -------
    Path or None
        The folder of subjects. None, with the reason on stderr, where apt or dpkg is missing or
        the download failed; call again to try again.
    """
    stamps = folder / STAMPS_INSIDE
    if not stamps.is_dir():
        try:
            unpack_package(STAMPS_PACKAGE, folder)
        except PackageDidNotCome as problem:
            print(f"No photographs: {problem}", file=sys.stderr)
    return stamps if stamps.is_dir() else None


class PackageDidNotCome(RuntimeError):
    """A Debian package that could not be downloaded or unpacked."""


def unpack_package(name: str, folder: Path) -> None:
    """Download a Debian package and unpack it, instead of what is there; nothing is installed.

    Parameters
    ----------
    name : str
    folder : Path
        It holds the package's files once they are complete.

    Raises
    ------
    PackageDidNotCome
        Where apt or dpkg is missing or the download failed, with the reason.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            _run("apt-get", "download", name, cwd=scratch)
            package = next(Path(scratch).glob("*.deb"))
            _run("dpkg-deb", "-x", str(package), str(unpacked), cwd=scratch)
            if folder.exists():
                shutil.rmtree(folder)
            unpacked.rename(folder)
        except (OSError, subprocess.SubprocessError, StopIteration) as error:
            reason = getattr(error, "stderr", None) or error
            raise PackageDidNotCome(f"{name} did not come. {reason}") from error


def _run(*command: str, cwd: str) -> None:
    options = {"check": True, "capture_output": True, "text": True, "timeout": 300}
    subprocess.run(command, cwd=cwd, **options)  # type: ignore[call-overload]  # noqa: S603


def _place(text: str) -> int:
    """Return a fixed place in an order that has nothing to do with what the text means."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _by_place(pictures: Iterable[Picture]) -> list[Picture]:
    return sorted(pictures, key=lambda picture: _place(picture.source))


def _is_audit(picture: Picture) -> bool:
    return manifest.split_of(picture.cluster, audit_share=AUDIT_SHARE) == "audit"


def _choose(package: Path, stamps: Path | None) -> tuple[list[Picture], list[Picture]]:
    """Return the pictures for the pool and for the audit set, more drawings than will be kept."""
    drawings = list(openmoji_drawings(package))
    toned = [d for d in drawings if "skin_tone" in d.groups]
    other = _by_place(d for d in drawings if d.groups["subject"] == "other")
    pool = _one_of_each_tone([d for d in toned if not _is_audit(d)], rounds=POOL_ROUNDS)
    pool += [d for d in other if not _is_audit(d)][:POOL_OTHER_DRAWINGS]
    audit = _one_of_each_tone([d for d in toned if _is_audit(d)], rounds=1)
    audit += [d for d in other if _is_audit(d)][:AUDIT_OTHER_DRAWINGS]
    if stamps is not None:
        taken = _by_place(photographs(stamps))
        pool += [p for p in taken if not _is_audit(p)]
        audit += [p for p in taken if _is_audit(p)][:AUDIT_PHOTOGRAPHS]
        audit += _by_place(tuxpaint_drawings(stamps))
    return pool, audit


def _one_of_each_tone(pictures: list[Picture], *, rounds: int) -> list[Picture]:
    """Take every cluster in all its tones, the genders by turns.

    The turns are a Latin square, as in the design of experiments: each gender meets each tone
    equally often, so that the two axes do not stand in for one another.
    """
    clusters: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        clusters[picture.cluster][picture.groups["skin_tone"]].append(picture)
    chosen = []
    for turn, cluster in enumerate(sorted(clusters, key=_place)):
        for column, tone in enumerate(SKIN_TONES):
            # OpenMoji calls the neutral firefighter just that; where a gender is named, take those.
            there = clusters[cluster][tone]
            named = [p for p in there if "gender" in p.groups] or there
            named = sorted(named, key=lambda p: (p.groups.get("gender", ""), p.source))
            for extra in range(min(rounds, len(named))):
                chosen.append(named[(turn + column + extra) % len(named)])
    return chosen


def _draw(
    pool: list[Picture], audit: list[Picture], folder: Path, progress: Callable[[int, int], None]
) -> tuple[list[Row], dict[str, str]]:
    """Write each picture once, as a PNG; return the rows and each image's title.

    Pictures that cannot be drawn, are blank, or are the same to the pixel as one before are left
    out.
    """
    pictures = audit + pool  # in this order: what is in both, to the pixel, is for auditing
    rows: dict[str, Row] = {}
    titles = {}
    tuxpaint_left = AUDIT_TUXPAINT_DRAWINGS
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for done, (picture, drawn) in enumerate(
            zip(pictures, threads.map(draw, pictures), strict=True), start=1
        ):
            progress(done, len(pictures))
            is_spare = picture.cluster.startswith("tuxpaint drawing") and not tuxpaint_left
            if drawn is None or drawn[0] in rows or is_spare:
                continue
            sha256, png = drawn
            (folder / f"{sha256}.png").write_bytes(png)
            rows[sha256] = _row(sha256, picture, is_audit=done <= len(audit))
            titles[sha256] = picture.title
            tuxpaint_left -= picture.cluster.startswith("tuxpaint drawing")
    return list(rows.values()), titles


def draw(picture: Picture) -> tuple[str, bytes] | None:
    """Return a picture's pixel hash and its PNG; None where it cannot be drawn, or is blank."""
    if picture.is_photograph:
        pixels = codec.decode(picture.path.read_bytes())
    else:
        size = _SIZES[_place(picture.cluster) % len(_SIZES)]
        try:
            pixels = codec.decode(_render(picture.path, width=size))
        except ValueError:  # resvg refuses SVGs without a size, Tux Paint has a few
            return None
        if max(pixels.shape) > _LONGEST:
            pixels = codec.decode(_render(picture.path, height=size))
    if pixels.min() == pixels.max():
        return None
    return codec.pixel_sha256(pixels), codec.to_png(pixels)


def _render(path: Path, *, width: int | None = None, height: int | None = None) -> bytes:
    # Without the machine's fonts, or the same drawing would differ from machine to machine.
    return resvg_py.svg_to_bytes(
        svg_path=str(path),
        background="#ffffff",
        skip_system_fonts=True,
        width=width,
        height=height,
    )


def _row(sha256: str, picture: Picture, *, is_audit: bool) -> Row:
    split = "audit"
    if not is_audit:
        split = manifest.split_of(
            picture.cluster,
            audit_share=AUDIT_SHARE,
            validation_share=VALIDATION_SHARE * (1 - AUDIT_SHARE),
        )
    return Row(
        sha256=sha256,
        label="neutral" if picture.is_photograph else "drawings",
        groups=picture.groups,
        split=split,
        source=picture.source,
        cluster=picture.cluster,
    )


def _sample_rows(rows: list[Row]) -> Iterator[Row]:
    """Yield a drawing of a person, a drawing of something else, and three photographs."""
    ordered = sorted(rows, key=lambda row: _place(row.sha256))
    wanted = [("subject", "person", 1), ("subject", "other", 1), ("medium", "photograph", 3)]
    for axis, value, count in wanted:
        yield from [row for row in ordered if row.groups.get(axis) == value][:count]


def _write_samples(folder: Path, rows: list[Row], titles: dict[str, str]) -> None:
    (folder / "samples").mkdir()
    listing = []
    for row in _sample_rows(rows):
        title = titles[row.sha256]
        kind = "photograph" if row.label == "neutral" else "drawing"
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]
        name = f"{kind}-{slug}.png"
        shutil.copyfile(folder / "images" / f"{row.sha256}.png", folder / "samples" / name)
        listing.append({"file": name, "title": f"{title[:1].upper()}{title[1:]} ({kind})"})
    text = json.dumps(listing, indent=2, ensure_ascii=False)
    (folder / "samples" / "samples.json").write_text(text + "\n")
