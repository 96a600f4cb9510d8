"""What the gate requires: a versioned, public file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from modeltrain.gate.paired import Pairs, difference_interval

POLICY = Path(__file__).with_name("policy.json")
CLASS, OVERALL = "class", "overall"


class PolicyRefused(ValueError):
    """A policy breaks a rule; the message names the setting."""


@dataclass(frozen=True)
class Exemption:
    """A cell that is shown but does not decide.

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
        The non-inferiority margin: how much a cell's error rate may rise, as a share. 0.08 is 8
        points.
    minimum : int
        Images that a cell needs before anything is concluded from it.
    level : float
        Confidence level of the intervals; 1 - level is the risk of calling some cell worse when
        none is.
    required : sequence of str
        Axes on which every cell needs enough images: `overall`, `class`, a group's axis, or one
        cell as `axis=value`. Other cells decide if they have enough.
    pairs : sequence of [str, str]
        Axes whose combinations are cells too.
    exceptions : sequence of Exemption
        Cells that do not decide.

    Raises
    ------
    PolicyRefused
        If a setting breaks its rule.
    """

    version: int
    margin: float
    minimum: int
    level: float
    required: Sequence[str] = (OVERALL, CLASS)
    pairs: Sequence[Sequence[str]] = ()
    exceptions: Sequence[Exemption] = ()

    def __post_init__(self) -> None:
        self._require(
            0 < self.margin < 1, "margin", "above 0 and under 1: no interval ends below 0"
        )
        self._require(self.minimum >= 2, "minimum", "2 images or more")
        self._require(0.5 <= self.level < 1, "level", "at least 0.5 and less than 1")
        self._require(all(map(str, self.required)), "required", "names of axes")
        self._require(all(len(pair) == 2 for pair in self.pairs), "pairs", "pairs of two axes")
        for exemption in self.exceptions:
            has_reason = bool(exemption.reason.strip())
            self._require(has_reason, "exceptions", "cells, each with a reason")

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
            exceptions = [Exemption(**cell) for cell in settings.pop("exceptions", [])]
            return cls(**settings, exceptions=exceptions)
        except PolicyRefused:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            names = ", ".join(setting.name for setting in fields(cls))
            raise PolicyRefused(
                f"A policy must be JSON with the settings {names}. Received: {path.name}, {error}. "
                "Correct it."
            ) from error

    def as_dict(self) -> dict[str, Any]:
        """Return the policy ready for JSON."""
        pairs = [list(pair) for pair in self.pairs]
        return asdict(self) | {"required": list(self.required), "pairs": pairs}

    def requires(self, axis: str, value: str) -> bool:
        """Return whether a cell must have enough images."""
        return axis in self.required or f"{axis}={value}" in self.required

    def exemption_reason(self, axis: str, value: str) -> str | None:
        """Return why a cell does not decide, or None if it does."""
        for exemption in self.exceptions:
            if (exemption.axis, exemption.value) == (axis, value):
                return exemption.reason
        return None

    def smallest_conclusive_size(self) -> int:
        """Return the least number of images with which a cell can pass with one newly wrong.

        The case is the mildest: one image is newly wrong, one is newly right, and no other differs.
        With fewer images the margin asks for the impossible, unless nothing is newly wrong.
        """
        high = 2
        while not self._passes(high):
            high *= 2
        low = high // 2
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._passes(middle) else (middle, high)
        return high

    def _passes(self, n: int) -> bool:
        interval = difference_interval(Pairs(0, 1, 1, n - 2), level=self.level)
        assert interval is not None
        return interval[1] < self.margin

    def warnings(self) -> list[str]:
        """Return what the policy asks for that can hardly be met, in plain words."""
        smallest = self.smallest_conclusive_size()
        if smallest <= self.minimum:
            return []
        return [
            f"With a margin of {self.margin * 100:g} points, a cell of {self.minimum} to "
            f"{smallest - 1} images passes only where no image is newly wrong: one that is, and "
            f"one that is newly right, already leave it open."
        ]
