"""The card of the demo's data: its contents, sources and licences."""

from collections import Counter

from modeltrain.audit.fairness import values_by_axis
from modeltrain.data.manifest import Row

_HEAD = """# The demo's images

Harmless images from eight free packages, fetched at set-up and not part of this repository. No
image is of a real person; passers-by in photographs of monuments are too small to be recognised.
Skin tone and gender are what a drawing's code points and their Unicode names say; a firefighter
whose name gives no gender, beside a man and a woman in that role, has the gender "person". Subjects
are what names and folders of the packages say. Nothing was inferred from an image.

| source | package | label | in | licence |
|---|---|---|---|---|
| OpenMoji, flat drawings | npm `openmoji` | drawings | both | CC BY-SA 4.0 |
| Twemoji, flat drawings | npm `@twemoji/svg` | drawings | audit set | CC BY 4.0 |
| Fluent Emoji, renderings | npm `@lobehub/fluent-emoji-3d` | drawings | audit set | MIT |
| Tux Paint, drawn stamps | Debian `tuxpaint-stamps-default` | drawings | audit set | GPL-2 |
| Tux Paint, photographs cut out | the same | neutral | both | GPL-2 |
| GCompris, animals and monuments | Debian `gcompris-qt-data` | neutral | both | GPL-3+ |
| Lomiri | Debian `lomiri-wallpapers-16.04` | neutral | audit set | CC BY 4.0, CC BY-SA 4.0, CC0 |
| Palapeli | Debian `palapeli-data` | neutral | audit set | GPL-2+ |
| scikit-learn | PyPI `scikit-learn` | neutral | audit set | CC BY 2.0 |

OpenMoji: "All emojis designed by OpenMoji – the open-source emoji and icon project. License:
CC BY-SA 4.0" (https://openmoji.org). Twemoji: © Twitter, Inc. and other contributors. Fluent Emoji:
© Microsoft Corporation. Tux Paint stamps: © 2002–2022 Bill Kendrick (https://tuxpaint.org). The
authors of the photographs are in the `copyright` files of the Debian packages; the names of the
Lomiri wallpapers contain them. scikit-learn's `china.jpg` and `flower.jpg` are by danielbuechele
and vultilion on Flickr.

**Pool**: what the public would report from, split into training and validation. **Audit set**:
frozen, never trained on. One emoji in its skin tones, genders and styles, and stamps whose names
start alike, are one cluster; no cluster is on both sides. Three of four emoji of people are in the
audit set, and half of the other drawings and photographs of sources that are in both. Twemoji,
Fluent Emoji, Tux Paint's drawings, and the photographs of Lomiri, Palapeli and scikit-learn are in
the audit set alone: from these sources nobody reports, and no model learns.

**How the audit set shows drawings.** Emoji of hands, and of people as man, woman and person, are
there twice: flat (by OpenMoji on white for one of three, otherwise by Twemoji) and as a rendering.
Other emoji are there once, eight flat and eight rendered in turn. Twemoji's drawings and the
renderings lie on white, green, dark blue or a sky, and every second group of four emoji is a
close-up. Hashes of the names decide, and all skin tones and genders of an emoji are shown in the
same way. The model's answers decide nothing. These ways were chosen because the published model
gets flat drawings on white wrong almost without exception: a group on which a model is always wrong
cannot become worse.

**What it cannot say.** Nothing is labelled hentai, porn or sexy, so an audit on this data says
nothing about misses. Unicode has 31 emoji of hands, and 18 of them are here: fewer than the gate
needs to rule out a rise of false alarms. Its policy covers neither these classes nor hands, and
each verdict says so. People are in drawings only, so no figure by skin tone or gender holds for
photographs. Most of the photographs show animals, buildings and things.
"""

_NO_PHOTOGRAPHS = """
**Photographs are missing.** No photograph of these sources could be fetched when this was built:
{missing}. If too few are left, the gate answers "insufficient data" for `neutral`. Build the data
again where apt can reach a Debian archive.
"""

_PHOTOGRAPHS = ("Tux Paint stamps", "GCompris", "Lomiri wallpapers", "Palapeli", "scikit-learn")
_SOURCES = {
    "drawings": ("OpenMoji", "Twemoji", "Fluent Emoji", "Tux Paint stamps"),
    "neutral": _PHOTOGRAPHS,
}


def card(pool: list[Row], audit: list[Row]) -> str:
    """Return CARD.md for these rows."""
    text = _HEAD
    missing = [source for source in _PHOTOGRAPHS if not _count(audit, "neutral", source)]
    if missing:
        text += _NO_PHOTOGRAPHS.format(missing=", ".join(missing))
    text += "\n| source | label | pool | audit |\n|---|---|---:|---:|\n"
    for label, sources in _SOURCES.items():
        for source in sources:
            pool_count, audit_count = (_count(rows, label, source) for rows in (pool, audit))
            text += f"| {source} | {label} | {pool_count} | {audit_count} |\n"
    text += "\n| axis | value | pool | audit |\n|---|---|---:|---:|\n"
    text += f"| all | | {len(pool)} | {len(audit)} |\n"
    for axis, values in {"label": None, **values_by_axis([r.groups for r in pool + audit])}.items():
        counts = [
            Counter(row.label if values is None else row.groups.get(axis) for row in rows)
            for rows in (pool, audit)
        ]
        for value in values or sorted({row.label for row in pool + audit}):
            text += f"| {axis} | {value} | {counts[0][value]} | {counts[1][value]} |\n"
        if values is not None:
            text += f"| {axis} | not stated | {counts[0][None]} | {counts[1][None]} |\n"
    return text


def _count(rows: list[Row], label: str, source: str) -> int:
    return sum(row.label == label and row.source.startswith(source) for row in rows)
