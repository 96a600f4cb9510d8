"""Headlines in words: what was found about an audit, as sentences that can be quoted.

`headlines` finds what may be claimed. This module imports no statistics, so that pages load fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from modeltrain.formatting import exact_percent, interval, percent, short_points

ERROR = "error"
MEASURES = ("false_alarm", "miss", "confusion", ERROR)  # harm first
STANDARDISED = ("medium", "class")  # what images are made of, which is no group of people

# What a headline is about.
NO_IMAGES = "no images"
GROUP = "group"
COMPOSITION = "composition"
NOT_TOLD_APART = "not told apart"

Headline = dict[str, Any]

_NAMED = 3  # of a longer list, the others are counted
_VALUES = 4  # of a longer list, the ends are shown
COUNTED = {  # what a headline calls a kind of mistake, and the images that it can happen to
    "false_alarm": ("False alarms", "safe images"),
    "miss": ("Misses", "explicit images"),
    "confusion": ("Harmless confusions", "images"),
    ERROR: ("Mistakes", "images"),
}


class Names(Protocol):
    """What axes and groups are called in a sentence."""

    def axis(self, name: str, /) -> str: ...

    def group(self, axis: str, name: str, /) -> str: ...


class PlainNames:
    """Axes and groups as a manifest names them."""

    def axis(self, name: str) -> str:
        return "right label" if name == "class" else name.replace("_", " ")

    def group(self, axis: str, name: str) -> str:
        return name


def headline_of(figures: Mapping[str, Any], measure: str) -> Headline | None:
    """Return what may be claimed about one kind of mistake.

    Parameters
    ----------
    figures : mapping
        From `evaluate.audit`.
    measure : str
        One of `MEASURES`.

    Returns
    -------
    dict or None
        None if the figures were counted before there were headlines.
    """
    headlines = figures.get("headlines", [])
    return next((headline for headline in headlines if headline["measure"] == measure), None)


def sentence(headline: Headline, names: Names | None = None) -> str:
    """Say how often a mistake happens, on which images, and to whom more than to others.

    Parameters
    ----------
    headline : dict
        From `headlines.headlines`.
    names : Names, optional
        The names of the manifest unless given.
    """
    title, images = COUNTED[headline["measure"]]
    if headline["kind"] == NO_IMAGES:
        return f"{title}: not known, because the audit set has no {images}."
    return (
        f"{title}: {percent(headline['rate'])} of {headline['n']:,} {images} "
        f"({exact_percent(headline['level'])} interval "
        f"{interval(headline['low'], headline['high'])}; {mix(headline)}). {claim(headline, names)}"
    )


def title(headline: Headline, names: Names | None = None) -> str:
    """Say of whom a mistake is known to happen more often, as the title of a chart."""
    text = claim(headline, names).removesuffix(".")
    if headline["kind"] != GROUP:
        text = text[0].lower() + text[1:]
    return f"{COUNTED[headline['measure']][0]}: {text}"


def mix(headline: Headline) -> str:
    """Say of how many images of each label a rate is."""
    return ", ".join(f"{count:,} {label}" for label, count in headline["images"].items())


def claim(headline: Headline, names: Names | None = None) -> str:
    """Say to whom a mistake happens more than to others: what `sentence` ends with."""
    names = names or PlainNames()
    if headline["kind"] == NO_IMAGES:
        return "Not known: there are no such images."
    if headline["kind"] == GROUP:
        return _group_claim(headline, names)
    nobody = (
        "No group is told apart from the others"
        if headline["compared"]
        else "No group has enough comparable images to be told apart"
    )
    if headline["kind"] == COMPOSITION:
        composition = headline["composition"][0]
        axis = names.axis(composition["axis"])
        rates = composition_rates(composition, names)
        return f"{nobody}; what decides is the {axis[:1].lower()}{axis[1:]}: {rates}."
    return f"{nobody}."


def composition_rates(composition: Mapping[str, Any], names: Names) -> str:
    """List the rates of an axis's values, the highest first; of many, the highest and lowest."""
    values = composition["values"]
    return ", ".join(
        f"{names.group(composition['axis'], value['value'])} {percent(value['rate'])}"
        for value in (values if len(values) <= _VALUES else [values[0], values[-1]])
    )


def _group_claim(headline: Headline, names: Names) -> str:
    lead, *others = headline["groups"]
    name = names.group(lead["axis"], lead["value"])
    text = (
        f"{name} {percent(lead['rate'])} of {lead['n']:,}, comparable others "
        f"{percent(lead['rest_rate'])} ({short_points(lead['difference'])} points more, "
        f"{short_points(lead['low'])} to {short_points(lead['high'])})"
    )
    if headline["tied"]:
        tied = [names.group(lead["axis"], value) for value in headline["tied"]]
        text += f"; not told apart from {name}: {_listed(tied)}"
    beside = [
        names.group(other["axis"], other["value"])
        for other in others
        if other["axis"] != lead["axis"] or other["value"] not in headline["tied"]
    ]
    if beside:
        text += f"; also more than comparable others: {_listed(beside)}"
    return f"{text}."


def _listed(names: Sequence[str]) -> str:
    """Name the first few and count the rest."""
    if len(names) <= _NAMED:
        *first, last = names
        return f"{', '.join(first)} and {last}" if first else last
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} others"
