"""The gate: may this candidate replace the champion, or would it be worse for someone?

Non-inferiority for every class and every group, on the same images. See docs/audits.md.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modeltrain.evaluate import Predicted
from modeltrain.fairness import axes
from modeltrain.gate_words import cell_sentence, whole_sentence
from modeltrain.labels import LABELS, ErrorKind
from modeltrain.paired import Pairs, count_pairs, difference_interval, holm, worse_p_value

POLICY = Path(__file__).parent / "configs" / "gate.json"

PASS, BLOCKED, INSUFFICIENT = "pass", "blocked", "insufficient data"
NOT_WORSE, WORSE, CANNOT_TELL = "not worse", "worse", "cannot tell"

_VERDICTS = {NOT_WORSE: PASS, WORSE: BLOCKED, CANNOT_TELL: INSUFFICIENT, INSUFFICIENT: INSUFFICIENT}

Cell = dict[str, Any]


class NotComparable(ValueError):
    """Two sets of predictions are not of the same images."""


@dataclass(frozen=True)
class Policy:
    """What the gate asks for.

    Attributes
    ----------
    version : int
        Raised with every change, so that a verdict says which rules it was made by.
    margin : float
        How much a cell's error rate may rise, as a share: 0.05 is 5 points.
    minimum : int
        Images that a cell needs before anything is concluded from it.
    level : float
        Confidence level of the intervals; 1 - level is the risk of calling some cell worse when
        none is.
    """

    version: int
    margin: float
    minimum: int
    level: float

    @classmethod
    def load(cls, path: Path = POLICY) -> "Policy":
        """Read a policy from JSON."""
        return cls(**json.loads(path.read_text()))


def judge(
    *, champion: Sequence[Predicted], candidate: Sequence[Predicted], policy: Policy | None = None
) -> dict[str, Any]:
    """Compare a candidate with the champion on the same images.

    Each cell (all images, each class, each value on each axis) gets one finding:

    - "insufficient data": fewer images than the policy's minimum.
    - "not worse": no image is newly wrong, or the paired interval of the difference ends below the
      margin. Every cell must show this by itself, so no correction is needed (an intersection-union
      test: Berger 1982, Technometrics 24, 295–300).
    - "worse": not the former, and the exact one-sided McNemar test says so after Holm's correction
      for all cells that have enough images.
    - "cannot tell": neither.

    Parameters
    ----------
    champion, candidate : sequence of Predicted
        Of the same audit set, in any order.
    policy : Policy, optional
        `configs/gate.json` unless given.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md.

    Raises
    ------
    NotComparable
        Where images, labels or groups differ.
    """
    policy = policy or Policy.load()
    old, new = _aligned(champion, candidate)
    selections = _selections(old)
    pairs = [_pairs([old[i] for i in each], [new[i] for i in each]) for each in selections.values()]
    tested = [index for index, pair in enumerate(pairs) if pair.n >= policy.minimum]
    corrected = holm([worse_p_value(pairs[index]) for index in tested])
    p_values = dict(zip(tested, corrected, strict=True))
    cells = [
        _cell(axis, value, pair, p_values.get(index, 1.0), policy)
        for index, ((axis, value), pair) in enumerate(zip(selections, pairs, strict=True))
    ]
    verdict = _verdict(cells)
    return {
        "policy": asdict(policy),
        "verdict": verdict,
        "sentence": whole_sentence(verdict, cells, margin=policy.margin),
        "cells": cells,
    }


def _aligned(
    champion: Sequence[Predicted], candidate: Sequence[Predicted]
) -> tuple[list[Predicted], list[Predicted]]:
    old, new = ({each.sha256: each for each in side} for side in (champion, candidate))
    same = {sha for sha in old.keys() & new.keys() if _facts(old[sha]) == _facts(new[sha])}
    differing = len((old.keys() | new.keys()) - same)
    if differing or len(old) != len(champion) or len(new) != len(candidate):
        raise NotComparable(
            "Champion and candidate must be audited on the same images, with the same labels and "
            f"groups, each once. Received: {len(champion)} and {len(candidate)} predictions, "
            f"{differing} of their images different. Audit both on the same manifest."
        )
    order = sorted(same)
    return [old[sha] for sha in order], [new[sha] for sha in order]


def _facts(each: Predicted) -> tuple[str, str, Mapping[str, str]]:
    return each.expected, each.cluster, each.groups


def _selections(predicted: Sequence[Predicted]) -> dict[tuple[str, str], list[int]]:
    """Return the images of each cell: all, every class (also an empty one), every group."""
    found: dict[tuple[str, str], list[int]] = {("overall", "all"): []}
    found |= {("class", label): [] for label in LABELS}
    for axis, values in axes([each.groups for each in predicted]).items():
        found |= {(axis, value): [] for value in values}
    for index, each in enumerate(predicted):
        for key in (("overall", "all"), ("class", each.expected), *each.groups.items()):
            found[key].append(index)
    return found


def _pairs(old: Sequence[Predicted], new: Sequence[Predicted]) -> Pairs:
    return count_pairs(
        champion=[each.error != ErrorKind.CORRECT for each in old],
        candidate=[each.error != ErrorKind.CORRECT for each in new],
    )


def _cell(axis: str, value: str, pairs: Pairs, p_value: float, policy: Policy) -> Cell:
    interval = difference_interval(pairs, level=policy.level)
    cell: Cell = {
        "axis": axis,
        "value": value,
        "n": pairs.n,
        "champion_wrong": pairs.champion_wrong,
        "candidate_wrong": pairs.candidate_wrong,
        "champion_error": pairs.champion_wrong / pairs.n if pairs.n else None,
        "candidate_error": pairs.candidate_wrong / pairs.n if pairs.n else None,
        "difference": (pairs.only_candidate - pairs.only_champion) / pairs.n if pairs.n else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "newly_wrong": pairs.only_candidate,
        "newly_right": pairs.only_champion,
    }
    finding = _finding(pairs, interval, p_value, policy)
    cell |= {"finding": finding, "verdict": _VERDICTS[finding]}
    return cell | {"sentence": cell_sentence(cell, margin=policy.margin, minimum=policy.minimum)}


def _finding(
    pairs: Pairs, interval: tuple[float, float] | None, p_value: float, policy: Policy
) -> str:
    if interval is None or pairs.n < policy.minimum:
        return INSUFFICIENT
    if pairs.only_candidate == 0 or interval[1] < policy.margin:
        return NOT_WORSE
    return WORSE if p_value <= 1 - policy.level else CANNOT_TELL


def _verdict(cells: Sequence[Cell]) -> str:
    """Blocked if any cell is; else not enough if a class is, or any cell cannot tell; else pass."""
    if any(cell["verdict"] == BLOCKED for cell in cells):
        return BLOCKED
    must_have = [cell for cell in cells if cell["axis"] in ("overall", "class")]
    open_cells = [cell for cell in cells if cell["finding"] == CANNOT_TELL]
    short = [cell for cell in must_have if cell["verdict"] == INSUFFICIENT]
    return INSUFFICIENT if short or open_cells else PASS
