"""What a filter does with a model: at a threshold, at a mix, for each group of an axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit import halves, risk_control
from modeltrain.audit.calibration import bins_of, calibration_error
from modeltrain.audit.columns import CLASS, OVERALL, Columns
from modeltrain.audit.fairness import cluster_numbers, clustered_rate
from modeltrain.audit.harm import hundredths, nsfw_score
from modeltrain.audit.minimum import MINIMUM_IMAGES
from modeltrain.audit.mix import at_mix, scaled, share_of_first
from modeltrain.audit.ranking import area_under_curve
from modeltrain.audit.thresholds import THRESHOLDS, FlaggedShares, flagged_shares
from modeltrain.labels import LABELS, NSFW

FEWEST_MISTAKES, WITHIN_LIMIT = "fewest mistakes", "within the limit"

Figures = dict[str, Any]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class OperatingPoint:
    """How somebody uses a model.

    Attributes
    ----------
    threshold : int
        In hundredths, from 1 to 100: an image is flagged if its NSFW score is at least this.
    explicit_share : float
        The share of explicit images among those that they see, from 0 to 1.
    limit : float
        The highest acceptable share of false alarms among safe images, above 0 and below 1.
    """

    threshold: int
    explicit_share: float
    limit: float


@dataclass(frozen=True)
class _Images:
    """Arrays of length n."""

    scores: NDArray[np.float32]
    reached: NDArray[np.intp]
    explicit: Bools
    clusters: NDArray[np.intp]

    @classmethod
    def of(cls, answers: Columns) -> _Images:
        scores = nsfw_score(answers.scores)
        explicit = np.array([label in NSFW for label in LABELS])[answers.expected]
        return cls(scores, hundredths(scores), explicit, cluster_numbers(answers.cluster))

    def where(self, rows: Bools) -> _Images:
        return _Images(
            self.scores[rows], self.reached[rows], self.explicit[rows], self.clusters[rows]
        )

    def counts(self, *, explicit: bool) -> halves.Counts:
        """How many images of a side reach each threshold, and how many there are."""
        reached = self.reached[self.explicit == explicit]
        return np.bincount(reached, minlength=len(THRESHOLDS))[::-1].cumsum()[::-1], len(reached)

    def safe_clusters(self) -> int:
        """How many clusters the safe images form."""
        return len(np.unique(self.clusters[~self.explicit]))

    def at(self, use: OperatingPoint, level: float) -> Figures:
        """Return the mistakes at a threshold and a mix."""
        false_alarm, miss = (
            clustered_rate(
                (self.reached[side] >= use.threshold) != explicit,
                self.clusters[side],
                level=level,
            )
            for explicit in (False, True)
            for side in [self.explicit == explicit]
        )
        mixed = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=use.explicit_share)
        return {"false_alarm": false_alarm, "miss": miss, "at_mix": mixed}


def figures(
    answers: Columns,
    *,
    axis: str,
    use: OperatingPoint,
    minimum: int = MINIMUM_IMAGES,
    level: float = 0.95,
) -> Figures:
    """Return what a filter does to each group of an axis.

    Parameters
    ----------
    answers : Columns
        A model's answers to an audit set.
    axis : str
        `OVERALL`, `CLASS` or an axis of the answers.
    use : OperatingPoint
    minimum : int
        A threshold is not chosen by groups whose safe images form fewer clusters than this.
    level : float
        Confidence level of intervals and promise.

    Returns
    -------
    dict
        Ready for JSON; the shape is in docs/audits.md. What is not known is None.

    Raises
    ------
    ValueError
        If the answers have no such axis.
    """
    images = _Images.of(answers)
    rows_by_group = dict(_rows_by_group(answers, axis))
    groups = {name: images.where(rows) for name, rows in rows_by_group.items()}
    return {
        "axis": axis,
        **asdict(use),
        "minimum": minimum,
        "level": level,
        "groups": {name: _group(group, use, level) for name, group in groups.items()},
        "reliability": _reliability(images, use.explicit_share, level),
        "chosen": _chosen(images, rows_by_group, use, minimum=minimum, level=level),
        "promise": _promise(images, groups, use, axis=axis, level=level),
    }


def _rows_by_group(answers: Columns, axis: str) -> Iterator[tuple[str, Bools]]:
    if axis == OVERALL:
        yield OVERALL, np.ones(len(answers), dtype=np.bool_)
    elif axis == CLASS:
        for place, label in enumerate(LABELS):
            yield label, answers.expected == place
    elif axis in answers.groups:
        names, indices = answers.groups[axis]
        for place, name in enumerate(names):
            yield name, indices == place
    else:
        raise ValueError(
            f"An axis must be one of {', '.join((OVERALL, CLASS, *answers.groups))}. "
            f"Received: {axis}. Choose one of these."
        )


def _group(images: _Images, use: OperatingPoint, level: float) -> Figures:
    safe, explicit = (
        flagged_shares(images.scores[side], images.clusters[side], level=level)
        for side in (~images.explicit, images.explicit)
    )
    false_alarm, miss = safe.flagged(use.threshold), explicit.not_flagged(use.threshold)
    arrays = (images.scores, images.explicit, images.clusters)
    return {
        "false_alarm": false_alarm,
        "miss": miss,
        "at_mix": at_mix(false_alarm=false_alarm, miss=miss, explicit_share=use.explicit_share),
        "curve": {"safe": _curve(safe), "explicit": _curve(explicit)},
        "area": area_under_curve(*arrays, level=level),
        "calibration": calibration_error(*arrays, share=use.explicit_share, level=level),
        "own_threshold": halves.lowest_within([images.counts(explicit=False)], limit=use.limit)
        if safe.n
        else None,
    }


def _curve(shares: FlaggedShares) -> Figures:
    """The share of images that each threshold flags, from 0 hundredths on."""
    if not shares.n:
        return {"n": 0, "clusters": 0, "rate": [], "low": [], "high": []}
    return {
        "n": shares.n,
        "clusters": shares.clusters,
        "rate": (shares.counts / shares.n).tolist(),
        "low": shares.low.tolist(),
        "high": shares.high.tolist(),
    }


def _reliability(images: _Images, explicit_share: float, level: float) -> list[Figures]:
    """Return the mean score of each bin of images, and the share of explicit images at the mix."""
    if not images.explicit.any() or images.explicit.all():
        return []
    bins = bins_of(images.scores)
    count = int(bins.max()) + 1
    sizes, sums = np.bincount(bins), np.zeros(count)
    estimates = []
    for side, share in ((images.explicit, explicit_share), (~images.explicit, 1 - explicit_share)):
        members, clusters = bins[side], images.clusters[side]
        weight = share / len(members)
        sums += weight * np.bincount(members, weights=images.scores[side], minlength=count)
        rates = [clustered_rate(members == place, clusters, level=level) for place in range(count)]
        estimates.append([scaled(rate, share) for rate in rates])
    reliability = []
    for place, (explicit, safe) in enumerate(zip(*estimates, strict=True)):
        share_explicit = share_of_first(explicit, safe)
        if share_explicit is not None:
            score = float(sums[place]) / (explicit["value"] + safe["value"])
            reliability.append({"n": int(sizes[place]), "score": score, "explicit": share_explicit})
    return reliability


def _chosen(
    images: _Images,
    rows_by_group: Mapping[str, Bools],
    use: OperatingPoint,
    *,
    minimum: int,
    level: float,
) -> list[Figures]:
    """Choose thresholds on one half of the images, and count on the other."""
    first = halves.first_half(images.clusters)
    half = images.where(first)
    groups = [images.where(rows & first) for rows in rows_by_group.values()]
    safe_counts = [
        group.counts(explicit=False) for group in groups if group.safe_clusters() >= minimum
    ]
    chosen = {
        FEWEST_MISTAKES: halves.fewest_mistakes(
            safe=half.counts(explicit=False),
            explicit=half.counts(explicit=True),
            explicit_share=use.explicit_share,
        ),
        WITHIN_LIMIT: halves.lowest_within(safe_counts, limit=use.limit),
    }
    choices: list[Figures] = []
    for rule, threshold in chosen.items():
        if threshold is None:
            choices.append({"rule": rule, "threshold": None})
            continue
        there = replace(use, threshold=threshold)
        choices.append(
            {
                "rule": rule,
                "threshold": threshold,
                "first_half": half.at(there, level),
                "second_half": images.where(~first).at(there, level),
                "groups": {
                    name: images.where(rows & ~first).at(there, level)
                    for name, rows in rows_by_group.items()
                },
            }
        )
    return choices


def _promise(
    images: _Images,
    groups: Mapping[str, _Images],
    use: OperatingPoint,
    *,
    axis: str,
    level: float,
) -> Figures:
    """Return what can be promised of groups that can have false alarms, and at what price."""
    safe_images = {
        name: (group.reached[~group.explicit], group.clusters[~group.explicit])
        for name, group in groups.items()
        if axis != CLASS or name not in NSFW
    }
    promise = risk_control.promise(safe_images, limit=use.limit, confidence=level)
    at = None if promise.threshold is None else replace(use, threshold=promise.threshold)
    return asdict(promise) | {"all_images": at and images.at(at, level)}
