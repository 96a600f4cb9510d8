"""Labels that differ only by case or blanks are one label."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence


def key(label: str) -> str:
    """Return what all spellings of a label have in common."""
    return "".join(unicodedata.normalize("NFC", label).split()).casefold()


def choose(labels: Sequence[str], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Choose one spelling for each label.

    Parameters
    ----------
    labels : sequence of str
        The label of each image.
    names : sequence of str
        The spellings to choose from, if the source or the user named the labels. Of several
        spellings, the one with the most images is chosen.

    Returns
    -------
    tuple of dict of str to str, and list of str
        The chosen spelling by spelling, without blanks around it, and a sentence for each label
        that had several.
    """
    counts = Counter(labels)
    spellings: dict[str, set[str]] = defaultdict(set)
    named: dict[str, set[str]] = defaultdict(set)
    for label in {*labels, *names}:
        spellings[key(label)].add(label)
    for name in names:
        named[key(name)].add(name)
    chosen: dict[str, str] = {}
    warnings = []
    for label_key, variants in sorted(spellings.items()):
        spelling = min(named[label_key] or variants, key=lambda name: (-counts[name], name))
        name = " ".join(spelling.split())
        chosen |= dict.fromkeys(variants, name)
        if len(variants) > 1:
            received = ", ".join(map(repr, sorted(variants)))
            warnings.append(
                "Labels that differ only by case or blanks are one label. "
                f"Received: {received}, taken as {name!r}. Rename them if they are one, or name "
                "them differently."
            )
    return chosen, warnings


def unique(names: Iterable[str]) -> list[str]:
    """Return the first spelling of each name, in their order."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(key(name), name)
    return list(first.values())
