"""The card of the demo's data: its contents, sources and licences."""

from collections import Counter

from modeltrain.audit.fairness import values_by_axis
from modeltrain.data.manifest import Row

_HEAD = """# The demo's images

Harmless pictures from two free packages, fetched at set-up and not part of this repository. No
image of a real person is in it; skin tone and gender are what OpenMoji's own metadata says of a
drawing. Nothing was inferred from a picture.

| source | what | label | licence |
|---|---|---|---|
| OpenMoji (npm `openmoji`) | SVG drawings, rendered on white | drawings | CC BY-SA 4.0 |
| Tux Paint stamps (Debian `tuxpaint-stamps-default`) | SVG drawings, on white | drawings | GPL-2 |
| Tux Paint stamps | PNG photographs, cut out, on white | neutral | GPL-2 |

OpenMoji: "All emojis designed by OpenMoji – the open-source emoji and icon project. License:
CC BY-SA 4.0" (https://openmoji.org). Tux Paint stamps: © 2002–2022 Bill Kendrick, licence as in the
package's `copyright` file (https://tuxpaint.org).

**Pool**: what the public would report from, split into training and validation. **Audit set**:
frozen, never trained on. A picture in its skin tones and genders, and photographs whose names
start alike, are one cluster; no cluster is on both sides. Tux Paint's drawings are in the audit set
alone: a source that nobody reports from.

Not in it: anything labelled hentai, porn or sexy. Those classes have no audit images here, so an
audit on this data says nothing about misses. The gate's policy does not cover them, and each
verdict says so.
"""

_NO_PHOTOGRAPHS = """
**The photographs are missing.** The package `tuxpaint-stamps-default` could not be fetched when
this was built. `neutral` has no images here: no audit can say how often a photograph is called
something else, and the gate answers "insufficient data" for it. Build the data again where apt can
reach a Debian archive.
"""


def card(pool: list[Row], audit: list[Row]) -> str:
    """Return CARD.md for these rows."""
    text = _HEAD
    if not any(row.label == "neutral" for row in audit):
        text += _NO_PHOTOGRAPHS
    text += "\n| axis | value | pool | audit |\n|---|---|---:|---:|\n"
    text += f"| all | | {len(pool)} | {len(audit)} |\n"
    for axis, values in {"label": None, **values_by_axis([r.groups for r in pool + audit])}.items():
        counts = [
            Counter(row.label if values is None else row.groups.get(axis) for row in rows)
            for rows in (pool, audit)
        ]
        for value in values or sorted({row.label for row in pool + audit}):
            text += f"| {axis} | {value} | {counts[0][value]} | {counts[1][value]} |\n"
    return text
