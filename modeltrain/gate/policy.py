"""What the gate requires: a versioned, public file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from modeltrain.audit.columns import CLASS, OVERALL, Columns
from modeltrain.audit.fairness import Clusters
from modeltrain.audit.harm import CONFUSION, FALSE_ALARM, DecisionRule, can_happen
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.sign_flips import RESAMPLES
from modeltrain.labels import LABELS

POLICY = Path(__file__).with_name("policy.json")

_POWER_QUANTILE = 0.8416  # of the normal distribution, for a power of 80%
_LARGE = 10**6  # shares as counts
_MOST = 10**9  # images
_MANY = 100_000  # images that few audit sets have
_MOST_ERRORS = 40
# What is rarer takes more permutations than a computer draws in minutes.
_HIGHEST_LEVEL = 0.9995
_LEAST_GAP_RISK = 1e-4
_ROUNDING = 1e-9
_JUST_OVER_1 = math.nextafter(1, 2)


class PolicyRefused(ValueError):
    """A policy breaks a rule; the message names the setting."""


@dataclass(frozen=True)
class Exemption:
    """A cell that a policy treats apart, for a public reason.

    Attributes
    ----------
    axis, value : str
        Which cell.
    reason : str
        Why; it is published.
    """

    axis: str
    value: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """What the gate requires.

    Attributes
    ----------
    version : int
        Raised with every change, so that a verdict says which rules it was reached with.
    margin : float
        How much the rate of harmless confusion may rise in a cell, as a share: 0.08 is 8 points.
    harm_margin, harm_ratio : float
        How much the rate of false alarms, or of misses, may rise in a cell with very many images:
        by `harm_margin`, and by `harm_ratio` times the champion's own rate; the smaller one counts.
    harm_ceiling : float
        How much it may rise at most, however few images a cell has.
    harm_errors : float
        Between the two, by as many standard errors of the difference of two equal rates. So the
        margin tightens with the number of images, and an unchanged model nearly always passes.
    gap_margin : float
        How much further than the rest of its axis a group may fall behind.
    minimum : int
        Clusters that a cell needs to pass: images, if none resembles another. Whether it is worse
        is tested with any number.
    level : float
        Confidence level of the intervals; 1 - level is the risk of blocking a model that is no
        different.
    gap_share : float
        Which part of that risk is for gaps between groups; the rest is for cells that are worse.
        Gaps that block have a p-value of at most this; told, and confirmed, are all those of at
        most 1 - level.
    thresholds : sequence of float
        NSFW scores from which on users of the model call an image explicit. Mistakes are judged at
        each of them, and by the label with the highest score.
    standardised : sequence of str
        `class`, and axes: images are compared between groups where they agree on these. They say
        what kind of image it is, so no gap is looked for on them; their cells are judged.
    required : sequence of str
        Axes on which every cell needs enough images: `overall`, `class`, a group's axis, or one
        cell as `axis=value`. Other cells decide if they have enough.
    pairs : sequence of [str, str]
        Axes whose combinations are cells too.
    references : mapping of str to str
        For an axis, the group that each other group is compared with as well. Gaps are always
        looked for between a group and the rest of its axis.
    not_covered : sequence of Exemption
        Cells that need no images. They decide if they have some.
    exceptions : sequence of Exemption
        Cells that never decide.

    Raises
    ------
    PolicyRefused
        If a setting breaks its rule.
    """

    version: int
    margin: float
    minimum: int
    level: float
    harm_margin: float = 0.02
    harm_ratio: float = 1.0
    harm_ceiling: float = 0.1
    harm_errors: float = 5.0
    gap_margin: float = 0.02
    gap_share: float = 0.4
    thresholds: Sequence[float] = ()
    standardised: Sequence[str] = (CLASS,)
    required: Sequence[str] = (OVERALL, CLASS)
    pairs: Sequence[Sequence[str]] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    not_covered: Sequence[Exemption] = ()
    exceptions: Sequence[Exemption] = ()

    def __post_init__(self) -> None:
        self._require(_is_whole(self.version, 1), "version", "a whole number, 1 or more")
        for name in ("margin", "harm_margin", "harm_ceiling", "gap_margin"):
            in_range = _is_within(getattr(self, name), 0, 1)
            self._require(in_range, name, "above 0 and under 1: no interval ends below 0")
        for name, why in (("harm_ratio", ": a rate cannot fall below 0"), ("harm_errors", "")):
            self._require(_is_within(getattr(self, name), 0, math.inf), name, f"above 0{why}")
        whole = _is_whole(self.minimum, 2)
        self._require(whole, "minimum", "a whole number of images, 2 or more")
        level_rule = f"at least 0.5 and at most {_HIGHEST_LEVEL}: rarer chances are not computed"
        self._require(_is_within(self.level, 0, 1), "level", level_rule)
        self._require(0.5 <= self.level <= _HIGHEST_LEVEL, "level", level_rule)
        least = _LEAST_GAP_RISK / (1 - self.level)
        self._require(
            _is_within(self.gap_share, 0, 1) and self.gap_share >= least - _ROUNDING,
            "gap_share",
            f"at least {least:.4g} at a level of {self.level:g}, and under 1: rarer chances are "
            "not computed",
        )
        thresholds = self.thresholds
        self._require(
            _is_list(thresholds)
            and all(_is_within(threshold, 0, _JUST_OVER_1) for threshold in thresholds)
            and len({rule.name for rule in self.rules}) == len(thresholds) + 1,
            "thresholds",
            "a list of different NSFW scores, above 0 and at most 1",
        )
        for name in ("standardised", "required"):
            self._require(_are_names(getattr(self, name)), name, "a list of names of axes")
        pairs = _is_list(self.pairs) and all(
            _are_names(pair) and len(pair) == len({*pair} - {OVERALL}) == 2 for pair in self.pairs
        )
        self._require(pairs, "pairs", "a list of pairs of two different axes")
        references = isinstance(self.references, Mapping) and _are_names(
            [*self.references, *self.references.values()]
        )
        self._require(references, "references", "axes with one group each")
        for name in ("not_covered", "exceptions"):
            cells = getattr(self, name)
            words = _is_list(cells) and all(
                isinstance(text, str) and text.strip()
                for cell in cells
                for text in (cell.axis, cell.value, cell.reason)
            )
            self._require(words, name, "cells, each with an axis, a value and a reason")

    def _require(self, holds: bool, name: str, rule: str) -> None:
        if not holds:
            raise PolicyRefused(
                f"{name} must be {rule}. Received: {getattr(self, name)!r}. "
                "Correct the policy's file."
            )

    @classmethod
    def load(cls, path: Path = POLICY) -> Policy:
        """Read a policy from JSON.

        Raises
        ------
        PolicyRefused
            If a setting is unknown, missing, or breaks its rule.
        """
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            not_covered = [Exemption(**cell) for cell in settings.pop("not_covered", [])]
            exceptions = [Exemption(**cell) for cell in settings.pop("exceptions", [])]
            return cls(**settings, not_covered=not_covered, exceptions=exceptions)
        except PolicyRefused:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            names = ", ".join(setting.name for setting in fields(cls))
            raise PolicyRefused(
                f"A policy must be JSON with the settings {names}. Received: {path.name}, {error}. "
                "Correct it."
            ) from error

    def as_dict(self) -> dict[str, Any]:
        """Return the policy ready for JSON."""
        lists = ("thresholds", "standardised", "required")
        settings = asdict(self) | {name: list(getattr(self, name)) for name in lists}
        return settings | {"pairs": [list(pair) for pair in self.pairs]}

    @property
    def worse_risk(self) -> float:
        """The risk of calling some cell worse when none is."""
        return (1 - self.level) * (1 - self.gap_share)

    @property
    def gap_risk(self) -> float:
        """The risk of blocking for some gap when none opens. It is told at the whole risk."""
        return (1 - self.level) * self.gap_share

    @property
    def fewest_clusters(self) -> int:
        """The fewest clusters with which harm to each of them is rarer by chance than the risk.

        Were both models equal, all of k clusters would be newly wrong in 1 of 2**k cases.
        """
        return math.ceil(-math.log2(1 - self.level) - 1e-9)

    @property
    def rules(self) -> list[DecisionRule]:
        """The decision rules at which mistakes are judged."""
        return [DecisionRule(), *map(DecisionRule, self.thresholds)]

    def margin_for(self, *, measure: str, rate: float, effective: float) -> float:
        """Return by how much the rate of a kind of mistake may rise in a cell.

        Parameters
        ----------
        measure : str
            From `harm.MEASURES`.
        rate : float
            Its rate there, if both models are equal.
        effective : float
            The cell's effective sample size.
        """
        if measure == CONFUSION:
            return self.margin
        least = min(self.harm_margin, self.harm_ratio * rate)
        noise = self.harm_errors * math.sqrt(2 * rate * (1 - rate) / max(effective, 1.0))
        return min(self.harm_ceiling, max(least, noise))

    def requires(self, axis: str, value: str, *, measure: str = CONFUSION) -> bool:
        """Return whether a cell must have enough images.

        Parameters
        ----------
        axis, value : str
            Which images.
        measure : str
            From `harm.MEASURES`. A kind of mistake that can only happen to classes that are not
            covered requires no images.
        """
        classes = [label for label in LABELS if can_happen(measure, label)]
        covered = any(self.why_not_covered(CLASS, label) is None for label in classes)
        named = axis in self.required or f"{axis}={value}" in self.required
        return covered and named and self.why_not_covered(axis, value) is None

    def why_not_covered(self, axis: str, value: str) -> str | None:
        """Return why a cell needs no images, or None if it does."""
        return _reason(self.not_covered, axis, value)

    def exemption_reason(self, axis: str, value: str) -> str | None:
        """Return why a cell does not decide, or None if it does."""
        return _reason(self.exceptions, axis, value)

    def fewest_images(self, *, measure: str, rate: float, disagreement: float = 0.0) -> int | None:
        """Return how many independent images let a model that is no worse pass, with 80% power.

        Source: as `difference_interval`; the chance part is the normal approximation of J. Liu et
        al. (2002), "Tests for equivalence or non-inferiority for paired binary data", Statistics
        in Medicine 21, 231–245.

        Parameters
        ----------
        measure : str
            From `harm.MEASURES`.
        rate : float
            Of both models.
        disagreement : float
            Share of images on which exactly one of the models makes the mistake. If it is 0, the
            images rule out a true rise of the margin by their number alone.

        Returns
        -------
        int or None
            At least `minimum`. None if no number of images is enough.
        """
        low, high = self.minimum, self.minimum
        while not self._passes(high, measure, rate, disagreement):
            low, high = high + 1, 2 * high
            if high > _MOST:
                return None
        while low < high:  # with more images the margin never narrows faster than the interval
            middle = (low + high) // 2
            if self._passes(middle, measure, rate, disagreement):
                high = middle
            else:
                low = middle + 1
        return high

    def _passes(self, n: int, measure: str, rate: float, disagreement: float) -> bool:
        wrong = round(rate * _LARGE)
        swapped = min(round(disagreement / 2 * _LARGE), wrong, _LARGE - wrong)
        pairs = Pairs(wrong - swapped, swapped, swapped, _LARGE - wrong - swapped)
        interval = difference_interval(pairs, level=self.level, effective=n)
        assert interval is not None
        chance = _POWER_QUANTILE * math.sqrt(disagreement / n)
        smoothed = (rate * n + 0.5) / (n + 1)
        margin = self.margin_for(measure=measure, rate=smoothed, effective=n)
        return interval[1] + chance < margin

    def warnings(self, answers: Columns | None = None) -> list[str]:
        """Return what the policy asks for that cannot be met, and what would be needed.

        Parameters
        ----------
        answers : Columns, optional
            Any model's, for the images of the audit set. Unless given, only what hardly any set
            could meet is said.
        """
        unreachable = [
            *self._unreachable(FALSE_ALARM, self.harm_ceiling, "harm_ceiling", answers),
            *self._unreachable(CONFUSION, self.margin, "margin", answers),
        ]
        warnings = list(dict.fromkeys(unreachable))
        if answers is not None and (missing := self._required_but_missing(answers)):
            warnings.append(
                f"The policy requires {', '.join(missing)}, of which the audit set has no image: "
                "no model passes. Add such images, or correct the policy."
            )
        if answers is not None and (unknown := self._unknown(answers)):
            warnings.append(
                f"The policy names {', '.join(unknown)}, which the audit set does not have, so "
                "that it has no effect there. Correct the policy, unless it is for other sets too."
            )
        if answers is not None:
            warnings += self._small_references(answers)
        if self.worse_risk < 1 / RESAMPLES - _ROUNDING:
            level = 1 - 1 / RESAMPLES / (1 - self.gap_share)
            gap_share = 1 - 1 / RESAMPLES / (1 - self.level)
            remedies = [
                f"{name} to {math.floor(1e4 * (limit + _ROUNDING)) / 1e4:g} or less"
                for name, limit, least in (
                    ("level", level, 0.5),
                    ("gap_share", gap_share, _LEAST_GAP_RISK / (1 - self.level)),
                )
                if limit >= least
            ]
            warnings.append(
                f"Nothing can be called worse at a level of {self.level:g} and a gap_share of "
                f"{self.gap_share:g}: chances below 1 in {RESAMPLES:,} are not told apart. Set "
                f"{', or '.join(remedies)}."
            )
        return warnings

    def _unknown(self, answers: Columns) -> list[str]:
        """Return axes and groups that settings name, other than `required`, and no image has."""
        values: dict[str, set[str]] = {OVERALL: {"all"}, CLASS: set(LABELS)}
        values |= {axis: set(names) for axis, (names, _) in answers.groups.items()}
        for first, second in self.pairs:
            combined = product(values.get(first, ()), values.get(second, ()))
            values[f"{first} and {second}"] = {" and ".join(groups) for groups in combined}
        named = [
            *(("standardised", axis, "") for axis in self.standardised),
            *(("pairs", axis, "") for pair in self.pairs for axis in pair),
            *(("references", axis, value) for axis, value in self.references.items()),
            *(("not_covered", cell.axis, cell.value) for cell in self.not_covered),
            *(("exceptions", cell.axis, cell.value) for cell in self.exceptions),
        ]
        unknown = [
            f"{axis}={value} ({setting})" if value else f"{axis} ({setting})"
            for setting, axis, value in named
            if axis not in values or (value and value not in values[axis])
        ]
        return list(dict.fromkeys(unknown))

    def _small_references(self, answers: Columns) -> list[str]:
        """Say which reference groups have fewer clusters than a cell needs to pass."""
        small = []
        for axis, value in self.references.items():
            values, places = answers.groups.get(axis, ([], None))
            if value in values:
                images = np.flatnonzero(places == values.index(value))
                if (clusters := len(np.unique(answers.cluster[images]))) < self.minimum:
                    small.append(f"{axis}={value} ({clusters})")
        if not small:
            return []
        return [
            f"A reference group needs the policy's minimum of {self.minimum} different images for "
            f"gaps to it to be noticed. The audit set has fewer of {', '.join(small)}. Name a "
            "larger group, or add such images."
        ]

    def _unreachable(
        self, measure: str, margin: float, setting: str, answers: Columns | None
    ) -> list[str]:
        """Say if not even the whole audit set has as many images as a cell needs to pass."""
        fewest = self.fewest_images(measure=measure, rate=0.0)
        mistakes = "false alarms" if measure == FALSE_ALARM else "harmless confusions"
        least_errors = self._least_errors() if fewest is None and measure == FALSE_ALARM else None
        if least_errors is not None:
            return [
                f"No number of images rules out a rise of false alarms at {self.harm_errors:g} "
                "standard errors where the model in service makes none. Such a cell cannot pass "
                f"unless all answers are the same. Set harm_errors to {least_errors:g} or more."
            ]
        present = _MANY if answers is None else Clusters.of(answers.cluster).count
        if fewest is not None and fewest <= present:
            return []
        needed = f"{fewest:,}" if fewest else "more than a billion"
        what_for, remedy = (
            ("the policy's minimum", "Lower minimum")
            if fewest == self.minimum
            else (
                f"to rule out a rise of {mistakes} by {margin * 100:.4g} points",
                f"Raise {setting}",
            )
        )
        there = "" if answers is None else f" The audit set has {present:,}."
        return [
            f"A cell needs {needed} independent images to pass, even if no decision changes "
            f"({what_for}).{there} No model passes unless all its answers are the same. {remedy}, "
            "or collect as many."
        ]

    def _required_but_missing(self, answers: Columns) -> list[str]:
        present = {LABELS[place] for place in np.unique(answers.expected)}
        values = {axis: set(names) for axis, (names, _) in answers.groups.items()}
        values |= {OVERALL: {"all"}, CLASS: present}
        missing = [
            name
            for name in self.required
            for axis, _, value in [name.partition("=")]
            if axis not in values or (value and value not in values[axis])
        ]
        if CLASS in self.required:
            missing += [
                f"{CLASS}={label}"
                for label in LABELS
                if label not in present and self._decides(CLASS, label)
            ]
        return list(dict.fromkeys(missing))

    def _decides(self, axis: str, value: str) -> bool:
        return not (self.why_not_covered(axis, value) or self.exemption_reason(axis, value))

    def _least_errors(self) -> float | None:
        """Return the smallest `harm_errors`, in halves, with which some number of images passes."""
        for errors in np.arange(0.5, _MOST_ERRORS, 0.5):
            policy = replace(self, harm_errors=float(errors))
            if policy.fewest_images(measure=FALSE_ALARM, rate=0.0) is not None:
                return float(errors)
        return None


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_within(value: Any, low: float, high: float) -> bool:
    """Whether it is a number between these, and neither of them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low < value < high


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _are_names(value: Any) -> bool:
    """Whether it is a list of axes or groups, none empty; `axis=value` has both."""
    return _is_list(value) and all(
        isinstance(name, str) and all(part.strip() for part in name.split("=")) for name in value
    )


def _reason(exempt: Sequence[Exemption], axis: str, value: str) -> str | None:
    for cell in exempt:
        if (cell.axis, cell.value) == (axis, value):
            return cell.reason
    return None
