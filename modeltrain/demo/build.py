"""Build the demo's data: real, harmless images from two packages, in a pool and an audit set.

The pool is what the public would report from. The audit set is frozen; no cluster of
near-duplicates is in both. Hashes of names decide which image goes where, so that every machine
builds the same data.
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
    SourceImage,
    openmoji_drawings,
    photographs,
    tuxpaint_drawings,
)
from modeltrain.images import codec

STAMPS_PACKAGE = "tuxpaint-stamps-default"
STAMPS_PATH = Path("usr/share/tuxpaint/stamps")
AUDIT_SHARE = 0.5
VALIDATION_SHARE = 0.15  # of the pool

AUDIT_PHOTOGRAPHS = 140
AUDIT_TUXPAINT_DRAWINGS = 100
AUDIT_OTHER_DRAWINGS = 100
POOL_OTHER_DRAWINGS = 150
POOL_ROUNDS = 2  # drawings of each person or hand per skin tone; the audit set has one

_SIZES = (256, 288, 320, 352)  # pixels; a model must not learn one size
_MAX_SIDE = 480


def build(
    *, openmoji: Path, stamps: Path | None, out: Path, progress: Callable[[int, int], None]
) -> dict[str, int]:
    """Render the images and write the pool, the audit set, samples and a card.

    Parameters
    ----------
    openmoji : Path
        The folder of the npm package `openmoji`.
    stamps : Path or None
        The result of `fetch_stamps`. Without it there are no photographs, so `neutral` has no
        audit images and no verdict.
    out : Path
        Replaced as a whole: a build that is killed leaves `out` as it was.
    progress : callable
        Called with the number of images rendered and of all images.

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
        rows, titles = _render_all(pool, audit, folder / "images", progress)
        pool_rows = [row for row in rows if row.split != "audit"]
        audit_rows = [row for row in rows if row.split == "audit"]
        manifest.write(folder / "pool.jsonl", pool_rows)
        manifest.write(folder / "audit.jsonl", audit_rows)
        paths = {row.sha256: str(out / "images" / f"{row.sha256}.png") for row in rows}
        (folder / "images.json").write_text(json.dumps(paths, indent=0, sort_keys=True))
        _write_samples(folder, pool_rows, titles)
        (folder / "CARD.md").write_text(card(pool_rows, audit_rows))
        if out.exists():
            out.rename(Path(scratch) / "old")
        folder.rename(out)
    return {"pool": len(pool_rows), "audit": len(audit_rows)}


def fetch_stamps(folder: Path) -> Path | None:
    """Download the Debian package of Tux Paint's stamps and unpack it without installing it.

    Parameters
    ----------
    folder : Path
        Where to unpack. If it already holds the stamps, nothing is downloaded.

    Returns
    -------
    Path or None
        The folder of subjects. None, with the reason on stderr, if apt or dpkg is missing or the
        download failed; call again to retry.
    """
    stamps = folder / STAMPS_PATH
    if not stamps.is_dir():
        try:
            unpack_package(STAMPS_PACKAGE, folder)
        except PackageUnavailable as error:
            print(f"No photographs: {error}", file=sys.stderr)
    return stamps if stamps.is_dir() else None


class PackageUnavailable(RuntimeError):
    """A Debian package could not be downloaded or unpacked."""


def unpack_package(name: str, folder: Path) -> None:
    """Download a Debian package and unpack it without installing it.

    Parameters
    ----------
    name : str
    folder : Path
        Replaced by the package's files once they are complete.

    Raises
    ------
    PackageUnavailable
        When apt or dpkg is missing or the download failed, with the reason.
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
            raise PackageUnavailable(f"{name} could not be fetched. {reason}") from error


def _run(*command: str, cwd: str) -> None:
    options = {"check": True, "capture_output": True, "text": True, "timeout": 300}
    subprocess.run(command, cwd=cwd, **options)  # type: ignore[call-overload]  # noqa: S603


def _hash_order(text: str) -> int:
    """Return a sort key that depends only on a hash of the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _in_hash_order(images: Iterable[SourceImage]) -> list[SourceImage]:
    return sorted(images, key=lambda image: _hash_order(image.source))


def _is_audit(image: SourceImage) -> bool:
    return manifest.split_of(image.cluster, audit_share=AUDIT_SHARE) == "audit"


def _choose(package: Path, stamps: Path | None) -> tuple[list[SourceImage], list[SourceImage]]:
    """Return the images for the pool and the audit set, with more drawings than will be kept."""
    drawings = list(openmoji_drawings(package))
    toned = [drawing for drawing in drawings if "skin_tone" in drawing.groups]
    other = _in_hash_order(drawing for drawing in drawings if drawing.groups["subject"] == "other")
    pool_toned, audit_toned = _part(toned)
    pool_other, audit_other = _part(other)
    pool = _balance_tones(pool_toned, rounds=POOL_ROUNDS) + pool_other[:POOL_OTHER_DRAWINGS]
    audit = _balance_tones(audit_toned, rounds=1) + audit_other[:AUDIT_OTHER_DRAWINGS]
    if stamps is not None:
        pool_photographs, audit_photographs = _part(_in_hash_order(photographs(stamps)))
        pool += pool_photographs
        audit += audit_photographs[:AUDIT_PHOTOGRAPHS]
        audit += _in_hash_order(tuxpaint_drawings(stamps))
    return pool, audit


def _part(images: Iterable[SourceImage]) -> tuple[list[SourceImage], list[SourceImage]]:
    """Part images into those for the pool and those for the audit set."""
    pool: list[SourceImage] = []
    audit: list[SourceImage] = []
    for image in images:
        (audit if _is_audit(image) else pool).append(image)
    return pool, audit


def _balance_tones(images: list[SourceImage], *, rounds: int) -> list[SourceImage]:
    """Choose every cluster in all its tones, with the genders taking turns.

    The turns form a Latin square, as in the design of experiments: each gender meets each tone
    equally often, so that the two axes are not confounded.
    """
    clusters: dict[str, dict[str, list[SourceImage]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        clusters[image.cluster][image.groups["skin_tone"]].append(image)
    chosen = []
    for turn, cluster in enumerate(sorted(clusters, key=_hash_order)):
        for column, tone in enumerate(SKIN_TONES):
            # OpenMoji calls the neutral firefighter just that; prefer images that name a gender.
            toned = clusters[cluster][tone]
            gendered = [image for image in toned if "gender" in image.groups] or toned
            gendered = sorted(
                gendered, key=lambda image: (image.groups.get("gender", ""), image.source)
            )
            for extra in range(min(rounds, len(gendered))):
                chosen.append(gendered[(turn + column + extra) % len(gendered)])
    return chosen


def _render_all(
    pool: list[SourceImage],
    audit: list[SourceImage],
    folder: Path,
    progress: Callable[[int, int], None],
) -> tuple[list[Row], dict[str, str]]:
    """Write each image once, as a PNG; return the rows and each image's title.

    Images that cannot be rendered, are blank, or equal an earlier one to the pixel are left out.
    """
    images = audit + pool  # in this order: an image that is in both is for auditing
    rows: dict[str, Row] = {}
    titles = {}
    tuxpaint_left = AUDIT_TUXPAINT_DRAWINGS
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for count, (image, rendered) in enumerate(
            zip(images, threads.map(render_image, images), strict=True), start=1
        ):
            progress(count, len(images))
            is_tuxpaint_drawing = image.cluster.startswith("tuxpaint drawing")
            is_surplus = is_tuxpaint_drawing and not tuxpaint_left
            if rendered is None or rendered[0] in rows or is_surplus:
                continue
            sha256, png = rendered
            (folder / f"{sha256}.png").write_bytes(png)
            rows[sha256] = _row(sha256, image, is_audit=count <= len(audit))
            titles[sha256] = image.title
            tuxpaint_left -= is_tuxpaint_drawing
    return list(rows.values()), titles


def render_image(image: SourceImage) -> tuple[str, bytes] | None:
    """Return an image's pixel hash and its PNG; None if it cannot be rendered or is blank."""
    if image.is_photograph:
        pixels = codec.decode(image.path.read_bytes())
    else:
        size = _SIZES[_hash_order(image.cluster) % len(_SIZES)]
        try:
            pixels = codec.decode(_render_svg(image.path, width=size))
        except ValueError:  # resvg refuses SVGs without a size; Tux Paint has a few
            return None
        if max(pixels.shape) > _MAX_SIDE:
            pixels = codec.decode(_render_svg(image.path, height=size))
    if pixels.min() == pixels.max():
        return None
    return codec.pixel_sha256(pixels), codec.to_png(pixels)


def _render_svg(path: Path, *, width: int | None = None, height: int | None = None) -> bytes:
    # Without system fonts, because the same drawing would differ from machine to machine.
    return resvg_py.svg_to_bytes(
        svg_path=str(path),
        background="#ffffff",
        skip_system_fonts=True,
        width=width,
        height=height,
    )


def _row(sha256: str, image: SourceImage, *, is_audit: bool) -> Row:
    split = "audit"
    if not is_audit:
        split = manifest.split_of(
            image.cluster,
            audit_share=AUDIT_SHARE,
            validation_share=VALIDATION_SHARE * (1 - AUDIT_SHARE),
        )
    return Row(
        sha256=sha256,
        label="neutral" if image.is_photograph else "drawings",
        groups=image.groups,
        split=split,
        source=image.source,
        cluster=image.cluster,
    )


def _sample_rows(rows: list[Row]) -> Iterator[Row]:
    """Yield a drawing of a person, a drawing of something else, and three photographs."""
    ordered = sorted(rows, key=lambda row: _hash_order(row.sha256))
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
