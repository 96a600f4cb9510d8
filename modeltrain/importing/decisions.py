"""What is taken of images that are there more than once, whatever order they came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from modeltrain.curate import hash_join
from modeltrain.importing.items import ImportRefused
from modeltrain.importing.journal import COPY, LEFT_OUT, TAKEN, Met


def decide(met: Sequence[Met], *, most_addresses: int) -> list[Met]:
    """Decide on everything that has pixels; the rest stays left out.

    Of exact copies with one label the first by name is taken. A picture with two labels is left out
    under both. A picture that came from many addresses is what sites show in place of one that is
    gone, and is left out everywhere.

    Parameters
    ----------
    met : sequence of Met
    most_addresses : int
        From which one picture may come.

    Returns
    -------
    list of Met
        Sorted by source and label; the same for the same things in any order.
    """
    ordered = sorted(met, key=lambda each: each.key)
    shown = _addresses(ordered)
    first: dict[str, dict[str, Met]] = defaultdict(dict)
    for each in ordered:
        if each.sha256:
            first[each.sha256].setdefault(each.label, each)
    out, taken = [], set()
    for each in ordered:
        by_label = first.get(each.sha256, {})
        if not each.sha256:
            out.append(each)
        elif shown.get(each.sha256, 0) > most_addresses:
            out.append(_left_out(each, _placeholder(shown[each.sha256], most_addresses)))
        elif len(by_label) > 1:
            out.append(_left_out(each, _conflict(list(by_label.values()))))
        elif each.sha256 in taken:
            out.append(_copy(each, by_label[each.label]))
        else:
            taken.add(each.sha256)
            out.append(replace(each, outcome=TAKEN, rule="", received="", remedy=""))
    return out


def _left_out(one: Met, why: ImportRefused) -> Met:
    return replace(one, outcome=LEFT_OUT, rule=why.rule, received=why.received, remedy=why.remedy)


def _copy(one: Met, of: Met) -> Met:
    rule = "A picture is taken once."
    return replace(one, outcome=COPY, rule=rule, received=f"copy of {of.source}", remedy="")


def _conflict(under: Collection[Met]) -> ImportRefused:
    return ImportRefused(
        "A picture must have one label.",
        " and ".join(f"{each.label} ({each.source})" for each in under),
        "Decide which it is.",
    )


def _placeholder(addresses: int, most: int) -> ImportRefused:
    return ImportRefused(
        f"A picture may come from {most} addresses: one that comes from more stands for pictures "
        "that are gone.",
        addresses,
        "Raise --most-addresses if it is none.",
    )


def _addresses(met: Sequence[Met]) -> dict[str, int]:
    """Return from how many addresses each picture of the web came, or one that looks like it.

    Alike are PDQ hashes within 31 of 256 bits, where both pictures are not too plain: PDQ's own
    rule (Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm",
    2019).
    """
    places: dict[str, set[str]] = defaultdict(set)
    looks: dict[str, str] = {}
    for each in met:
        if each.web and each.sha256:
            kind = each.pdq or each.sha256
            places[kind].add(each.source)
            looks[each.sha256] = kind
    bits = sorted({each.pdq for each in met if each.pdq})
    hashes = np.frombuffer(bytes.fromhex("".join(bits)), dtype=np.uint8).reshape(-1, 32)
    near = {kind: set(there) for kind, there in places.items()}
    for a, b, _ in hash_join.pairs(hashes):
        near[bits[a]] |= places[bits[b]]
        near[bits[b]] |= places[bits[a]]
    return {sha256: len(near[kind]) for sha256, kind in looks.items()}
