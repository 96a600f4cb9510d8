"""What the gate asks for: a versioned, public file."""

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
    """A policy that breaks a rule; the message names the setting."""


@dataclass(frozen=True)
class Exempt:
    """A cell that is shown and does not decide.

    Attributes
    ----------
    axis, value : str
        Which cell.
    reason : str
        Why, in public.
    """

    axis: str
    value: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """What the gate asks for.

    Attributes
    ----------
    version : int
        Raised with every change, so that a verdict says which rules it was made by.
    margin : float
        How much a cell's error rate may rise, as a share: 0.08 is 8 points.
    minimum : int
        Images that a cell needs before anything is concluded from it.
    level : float
        Confidence level of the intervals; 1 - level is the risk of calling some cell worse when
        none is.
    required : sequence of str
        Axes of which every cell needs enough images: `overall`, `class`, a group's axis, or one
        cell as `axis=value`. Other cells decide where they have enough.
    pairs : sequence of [str, str]
        Axes whose combinations are cells too.
    exceptions : sequence of Exempt
        Cells that do not decide.
    """

    version: int
    margin: float
    minimum: int
    level: float
    required: Sequence[str] = (OVERALL, CLASS)
    pairs: Sequence[Sequence[str]] = ()
    exceptions: Sequence[Exempt] = ()

    def __post_init__(self) -> None:
        self._must(0 < self.margin < 1, "margin", "above 0 and under 1: no interval ends below 0")
        self._must(self.minimum >= 2, "minimum", "2 images or more")
        self._must(0.5 <= self.level < 1, "level", "from 0.5 up to, and not, 1")
        self._must(all(map(str, self.required)), "required", "names of axes")
        self._must(all(len(pair) == 2 for pair in self.pairs), "pairs", "pairs of two axes")
        for each in self.exceptions:
            self._must(bool(each.reason.strip()), "exceptions", "cells, each with a reason")

    def _must(self, holds: bool, name: str, rule: str) -> None:
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
            Where a setting is unknown, missing, or breaks its rule.
        """
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            exceptions = [Exempt(**each) for each in said.pop("exceptions", [])]
            return cls(**said, exceptions=exceptions)
        except PolicyRefused:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            known = ", ".join(each.name for each in fields(cls))
            raise PolicyRefused(
                f"A policy must be JSON with the settings {known}. Received: {path.name}, {error}. "
                "Correct it."
            ) from error

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        said = asdict(self)
        return said | {"required": list(self.required), "pairs": [list(p) for p in self.pairs]}

    def requires(self, axis: str, value: str) -> bool:
        """Say whether a cell must have enough images."""
        return axis in self.required or f"{axis}={value}" in self.required

    def reason_to_except(self, axis: str, value: str) -> str | None:
        """Return why a cell does not decide, or None where it does."""
        return next((e.reason for e in self.exceptions if (e.axis, e.value) == (axis, value)), None)

    def smallest_tellable(self) -> int:
        """Return from how many images on a cell can pass in which one image is newly wrong.

        Where one is newly wrong and one newly right, and no other differs. With fewer images the
        margin asks for the impossible, unless nothing is newly wrong.
        """
        n = 2
        while self._high(n) >= self.margin:
            n *= 2
        low, high = n // 2, n
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._high(middle) < self.margin else (middle, high)
        return high

    def _high(self, n: int) -> float:
        interval = difference_interval(Pairs(0, 1, 1, n - 2), level=self.level)
        assert interval is not None
        return interval[1]

    def warnings(self) -> list[str]:
        """Say what it asks for and can hardly be met, in plain words."""
        smallest = self.smallest_tellable()
        if smallest <= self.minimum:
            return []
        return [
            f"With a margin of {self.margin * 100:g} points, a cell of {self.minimum} to "
            f"{smallest - 1} images passes only where no image is newly wrong: one that is, and "
            f"one that is newly right, already leave it open."
        ]
