"""What other thresholds of the NSFW score would do to each group."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from modeltrain.formatting import percent
from nsfwsite.audits.charts.chart import Chart
from nsfwsite.audits.charts.threshold import threshold_curves
from nsfwsite.audits.error_rates import MAX_LINES

Cells = Mapping[str, Mapping[str, Any]]  # of one axis, by the group's title

# Which of an audit's histograms of scores a mistake is counted in, and what pages call it.
SIDES = {"false_alarm": ("safe", "False alarms"), "miss": ("nsfw", "Misses")}
THRESHOLDS = range(1, 100)  # hundredths


def _histograms(cells: Cells, side: str) -> dict[str, list[int]]:
    """How many of each group's images have which NSFW score, in hundredths."""
    name = SIDES[side][0]
    return {group: cell.get("nsfw_scores", {}).get(name) or [] for group, cell in cells.items()}


def _mistakes(histogram: list[int], side: str) -> list[int]:
    """How many images would be wrong at each threshold from 0 on."""
    below = list(accumulate(histogram, initial=0))[:-1]
    return below if side == "miss" else [sum(histogram) - count for count in below]


def shares_at(cells: Cells, side: str, at: int, *, minimum: int) -> list[dict[str, Any]]:
    """Each group's share of false alarms or misses, were `at` hundredths the threshold."""
    from modeltrain.audit.fairness import wilson_interval

    shares = []
    for group, histogram in _histograms(cells, side).items():
        n = sum(histogram)
        count = _mistakes(histogram, side)[at] if n else 0
        low, high = wilson_interval(count=count, n=n) or (None, None)
        shares.append(
            {
                "group": group,
                "n": n,
                "enough": n >= minimum,
                "rate": count / n if n else None,
                "low": low,
                "high": high,
            }
        )
    return shares


def threshold_chart(cells: Cells, side: str, at: int, *, minimum: int) -> Chart | None:
    """How every group's share moves with the threshold."""
    histograms = {
        group: histogram
        for group, histogram in _histograms(cells, side).items()
        if sum(histogram) >= max(minimum, 1)
    }
    if not histograms:
        return None
    rates = {
        group: [count / sum(histogram) for count in _mistakes(histogram, side)]
        for group, histogram in histograms.items()
    }
    groups = list(histograms)[:MAX_LINES]
    steps = [
        {"group": group, "threshold": level, "rate": rates[group][level]}
        | {"n": sum(histograms[group])}
        for group in groups
        for level in THRESHOLDS
    ]
    mistake = SIDES[side][1]
    title = _finding(rates, mistake, at)
    return Chart(
        name=side,
        title=title,
        summary=f"{title}. Shares of {len(groups)} groups for thresholds from 1 to 99.",
        columns=["group", "threshold", "rate", "images"],
        rows=[list(step.values()) for step in steps],
        draw=threshold_curves(steps, at=at, title=mistake.lower()),
    )


def _finding(rates: Mapping[str, list[float]], mistake: str, at: int) -> str:
    gaps = {}
    for level in THRESHOLDS:
        rates_here = [group_rates[level] for group_rates in rates.values()]
        moves = any(0 < rate < 1 for rate in rates_here)  # all or nothing is no answer
        if len(rates_here) > 1 and (moves or level == at):
            gaps[level] = max(rates_here) - min(rates_here)
    if not gaps:
        return f"{mistake} of {next(iter(rates))}, by threshold"
    smallest = min(gaps.values())
    # Of equals the nearest: moving further buys nothing.
    best = min((level for level in gaps if gaps[level] == smallest), key=lambda x: abs(x - at))
    title = f"{mistake}: groups are {percent(gaps[at])} apart at {at}"
    if best == at:
        return f"{title}, and nowhere nearer"
    return f"{title}, nearest at {best} ({percent(smallest)})"
