"""What a mistake does to somebody, at the rule by which a model's answer becomes a decision.

A *false alarm* hides a harmless image, a *miss* shows an explicit one, and a *confusion* does
neither. Which images are affected depends on the decision rule: some users of a model take the
label with the highest score, others compare the NSFW score with a threshold of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeltrain.labels import LABELS, NSFW

FALSE_ALARM, MISS, CONFUSION = "false_alarm", "miss", "confusion"
MEASURES = (FALSE_ALARM, MISS, CONFUSION)

_HIGHEST, _AT_LEAST = "highest score", "NSFW score ≥ "
_NSFW = np.array([label in NSFW for label in LABELS])
SCORE_DIGITS = 6  # of a sum of probabilities; float32 holds hardly more

Bools = NDArray[np.bool_]


def nsfw_score(scores: ArrayLike) -> NDArray[np.float32]:
    """Return the sum of the probabilities of the NSFW labels, at most 1.

    It is rounded to `SCORE_DIGITS`, so that 0.001 and 0.299 reach 0.3, whatever holds them.

    Parameters
    ----------
    scores : array of float, shape [n, labels]
        In the order of `LABELS`.

    Returns
    -------
    numpy.ndarray of float32, shape [n]
    """
    by_label = np.asarray(scores).reshape(-1, len(LABELS)).T
    total = np.zeros(by_label.shape[1])
    for nsfw_scores in by_label[_NSFW]:  # label by label, which is faster than image by image
        total += nsfw_scores
    capped: NDArray[np.float32] = np.minimum(total, 1.0).round(SCORE_DIGITS).astype(np.float32)
    return capped


def hundredths(scores: ArrayLike) -> NDArray[np.intp]:
    """Return how many hundredths each score reaches: 29 for 0.29, 100 for 1.

    Compared as float32, in which scores are stored, so that a score of 0.29 reaches 0.29.

    Parameters
    ----------
    scores : array of float, shape [n]
    """
    edges = (np.arange(1, 101) / 100).astype(np.float32)
    return np.searchsorted(edges, np.asarray(scores, dtype=np.float32), side="right")


@dataclass(frozen=True)
class DecisionRule:
    """How an answer becomes a decision.

    Attributes
    ----------
    threshold : float or None
        An image is called explicit if its NSFW score is at least this much; None if the label with
        the highest score decides.
    """

    threshold: float | None = None

    @property
    def name(self) -> str:
        """A name for figures: "highest score" or "NSFW score ≥ 0.3"."""
        return _HIGHEST if self.threshold is None else f"{_AT_LEAST}{self.threshold:g}"

    @classmethod
    def named(cls, name: str) -> DecisionRule:
        """Return the rule with this name.

        Raises
        ------
        ValueError
            If no rule has it.
        """
        return cls() if name == _HIGHEST else cls(float(name.removeprefix(_AT_LEAST)))

    @property
    def measures(self) -> tuple[str, ...]:
        """The kinds of mistake that this rule can make; a threshold confuses no labels."""
        return MEASURES if self.threshold is None else (FALSE_ALARM, MISS)

    def flagged(self, scores: NDArray[np.float32]) -> Bools:
        """Say of each image whether it is called explicit: shape [n]."""
        if self.threshold is None:
            return np.asarray(_NSFW[scores.argmax(axis=1)])
        return np.asarray(nsfw_score(scores) >= np.float32(self.threshold))

    def mistakes(
        self, *, expected: NDArray[np.uint8], scores: NDArray[np.float32]
    ) -> dict[str, Bools]:
        """Say of each image whether it suffers each kind of mistake.

        Parameters
        ----------
        expected : array of int, shape [n]
            Places in `LABELS`.
        scores : array of float32, shape [n, labels]

        Returns
        -------
        dict of str to array of bool, shape [n]
            By the names of `measures`.
        """
        explicit = _NSFW[expected]
        if self.threshold is not None:
            flagged = self.flagged(scores)
            return {FALSE_ALARM: ~explicit & flagged, MISS: explicit & ~flagged}
        answers = scores.argmax(axis=1)
        flagged = _NSFW[answers]
        return {
            FALSE_ALARM: ~explicit & flagged,
            MISS: explicit & ~flagged,
            CONFUSION: (explicit == flagged) & (answers != expected),
        }


def can_happen(measure: str, label: str) -> bool:
    """Return whether a kind of mistake can happen to images of a label.

    A false alarm needs a safe image, a miss an NSFW one; other mistakes can happen to all.
    """
    return measure not in (FALSE_ALARM, MISS) or (label in NSFW) == (measure == MISS)


def possible(measure: str, expected: NDArray[np.uint8]) -> Bools:
    """Say of each image whether a kind of mistake can happen to it: shape [n].

    Parameters
    ----------
    measure : str
        From `MEASURES`, or any mistake at all.
    expected : array of int, shape [n]
        Places in `LABELS`.
    """
    return np.array([can_happen(measure, label) for label in LABELS])[expected]
