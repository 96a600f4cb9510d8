"""Build the demo's data: real, harmless images from packages, in a pool and an audit set.

The pool is what the public would report from. The audit set is frozen; no cluster of
near-duplicates is in both. Hashes of names decide which image goes where, so that every machine
builds the same data from the same packages.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.demo.card import card
from modeltrain.demo.photographs import (
    gcompris_photographs,
    lomiri_photographs,
    palapeli_photographs,
    scikit_learn_photographs,
)
from modeltrain.demo.sources import (
    SKIN_TONES,
    SourceImage,
    in_audit_styles,
    openmoji_drawings,
    tuxpaint_drawings,
    tuxpaint_photographs,
)
from modeltrain.images import codec

STAMPS = "tuxpaint-stamps-default"
GCOMPRIS = "gcompris-qt-data"
STAMPS_PATH = Path("usr/share/tuxpaint/stamps")  # in its package
AUDIT_SHARE = 0.5
PEOPLE_AUDIT_SHARE = 0.75  # of emoji of people: the gate needs 36 independent ones of each gender
VALIDATION_SHARE = 0.15  # of the pool

AUDIT_STAMPS = 80  # photographs, and as many drawings
AUDIT_OTHER_EMOJI = 60
POOL_OTHER_DRAWINGS = 250
POOL_ROUNDS = 2  # drawings of each person or hand per skin tone; the audit set has one

_SIZES = (256, 288, 320, 352)  # pixels; a model must not learn one size
_MAX_SIDE = 480
_MAX_PHOTOGRAPH_SIDE = 640
CLOSE_UP = 0.6  # the share of a drawing's width that a close-up shows


def build(
    *,
    npm: Path,
    debian: Mapping[str, Path],
    out: Path,
    progress: Callable[[int, int], None],
) -> dict[str, int]:
    """Render the images and write the pool, the audit set, samples and a card.

    Parameters
    ----------
    npm : Path
        The folder of npm packages, with `openmoji`, `@twemoji/svg` and
        `@lobehub/fluent-emoji-3d`.
    debian : mapping of str to Path
        The folders of Debian packages by name, as `packages.fetch` returns them. Without them
        there are hardly any photographs, so `neutral` has no verdict.
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
    pool, audit = _choose(npm, debian)
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


def _hash_order(text: str) -> int:
    """Return a sort key that depends only on a hash of the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _in_hash_order(images: Iterable[SourceImage]) -> list[SourceImage]:
    return sorted(images, key=lambda image: _hash_order(image.source))


def _audit_share(image: SourceImage) -> float:
    return PEOPLE_AUDIT_SHARE if image.groups.get("subject") == "person" else AUDIT_SHARE


def _is_audit(image: SourceImage) -> bool:
    return manifest.split_of(image.cluster, audit_share=_audit_share(image)) == "audit"


def _choose(npm: Path, debian: Mapping[str, Path]) -> tuple[list[SourceImage], list[SourceImage]]:
    """Return the images for the pool and the audit set, with more drawings than will be kept."""
    drawings = list(openmoji_drawings(npm / "openmoji"))
    toned = [drawing for drawing in drawings if "skin_tone" in drawing.groups]
    other = _in_hash_order(drawing for drawing in drawings if drawing.groups["subject"] == "other")
    pool_toned, audit_toned = _part(toned)
    pool_other, audit_other = _part(other)
    pool = _balance_tones(pool_toned, rounds=POOL_ROUNDS) + pool_other[:POOL_OTHER_DRAWINGS]
    audit = _balance_tones(audit_toned, rounds=1) + audit_other[:AUDIT_OTHER_EMOJI]
    audit = in_audit_styles(audit, npm)
    if STAMPS in debian:
        stamps = debian[STAMPS] / STAMPS_PATH
        pool_photographs, audit_photographs = _part(_in_hash_order(tuxpaint_photographs(stamps)))
        pool += pool_photographs
        audit += audit_photographs[:AUDIT_STAMPS]
        audit += _in_hash_order(tuxpaint_drawings(stamps))
    if GCOMPRIS in debian:
        pool_photographs, audit_photographs = _part(gcompris_photographs(debian[GCOMPRIS]))
        pool += pool_photographs
        audit += audit_photographs
    return pool, audit + list(_held_out_photographs(debian))


def _held_out_photographs(debian: Mapping[str, Path]) -> Iterator[SourceImage]:
    """Yield photographs from sources that are in the audit set alone."""
    for name, photographs in (
        ("lomiri-wallpapers-16.04", lomiri_photographs),
        ("palapeli-data", palapeli_photographs),
    ):
        if name in debian:
            yield from photographs(debian[name])
    yield from scikit_learn_photographs()


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
            # Some clusters have images without a gender too; prefer those with one.
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
    tuxpaint_left = AUDIT_STAMPS
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
        pixels = _shrink(codec.decode(image.data()))
    else:
        try:
            drawing = _draw(image)
        except ValueError:  # resvg refuses SVGs without a size; Tux Paint has a few
            return None
        pixels = np.array(_on_ground(drawing, image.ground), dtype=np.uint8)
    if pixels.min() == pixels.max():
        return None
    return codec.pixel_sha256(pixels), codec.to_png(pixels)


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    photograph = Image.fromarray(pixels)
    photograph.thumbnail((_MAX_PHOTOGRAPH_SIDE, _MAX_PHOTOGRAPH_SIDE))
    return np.array(photograph, dtype=np.uint8)


def _draw(image: SourceImage) -> Image.Image:
    """Return a drawing with transparency, as wide as its cluster's size or as high as the most."""
    size = _SIZES[_hash_order(image.cluster) % len(_SIZES)]
    width = round(size / CLOSE_UP) if image.close_up else size
    if image.path.suffix == ".svg":
        plain = image.ground[0] if len(set(image.ground)) == 1 else None
        drawing = _svg(image.path, width=width, background=plain)
        if not image.close_up and max(drawing.size) > _MAX_SIDE:
            drawing = _svg(image.path, height=width, background=plain)
    else:
        drawing = Image.open(io.BytesIO(image.data())).convert("RGBA").resize((width, width))
    if image.close_up:  # the middle, and rather the upper part, where faces are
        left, top = (drawing.width - size) // 2, (drawing.height - size) // 4
        drawing = drawing.crop((left, top, left + size, top + size))
    return drawing


def _svg(path: Path, **options: Any) -> Image.Image:
    # Without system fonts, because the same drawing would differ from machine to machine.
    png = resvg_py.svg_to_bytes(svg_path=str(path), skip_system_fonts=True, **options)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _on_ground(drawing: Image.Image, ground: tuple[str, str]) -> Image.Image:
    """Lay a drawing on a background that goes from one colour at the top to another below."""
    top, bottom = (Image.new("RGB", drawing.size, colour) for colour in ground)
    mask = Image.linear_gradient("L").resize(drawing.size)
    background = Image.composite(bottom, top, mask).convert("RGBA")
    return Image.alpha_composite(background, drawing).convert("RGB")


def _row(sha256: str, image: SourceImage, *, is_audit: bool) -> Row:
    split = "audit"
    if not is_audit:
        audit_share = _audit_share(image)
        split = manifest.split_of(
            image.cluster,
            audit_share=audit_share,
            validation_share=VALIDATION_SHARE * (1 - audit_share),
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
    wanted = [("drawings", "person", 1), ("drawings", "other", 1), ("neutral", "other", 3)]
    for label, subject, count in wanted:
        of_kind = [
            row for row in ordered if (row.label, row.groups.get("subject")) == (label, subject)
        ]
        yield from of_kind[:count]


def _write_samples(folder: Path, rows: list[Row], titles: dict[str, str]) -> None:
    (folder / "samples").mkdir()
    listing = []
    for row in _sample_rows(rows):
        title = titles[row.sha256]
        kind = "photograph" if row.label == "neutral" else "drawing"
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]
        name = f"{kind}-{slug}.png"
        shutil.copyfile(folder / "images" / f"{row.sha256}.png", folder / "samples" / name)
        listing.append(
            {
                "file": name,
                "title": f"{title[:1].upper()}{title[1:]} ({kind})",
                "sha256": row.sha256,
                "label": row.label,
                "kind": kind,
            }
        )
    text = json.dumps(listing, indent=2, ensure_ascii=False)
    (folder / "samples" / "samples.json").write_text(text + "\n")
