"""What a filter does, with made answers on both sides: each figure from where it is defined."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from modeltrain.audit import halves, operating_point, risk_control
from modeltrain.audit.calibration import calibration_error
from modeltrain.audit.columns import Columns
from modeltrain.audit.fairness import cluster_numbers, clustered_rate, rate
from modeltrain.audit.harm import hundredths
from modeltrain.audit.mix import at_mix
from modeltrain.audit.operating_point import OperatingPoint, figures
from modeltrain.audit.ranking import area_under_curve
from modeltrain.audit.thresholds import flagged_shares
from modeltrain.labels import LABELS, NSFW

NEUTRAL, PORN = LABELS.index("neutral"), LABELS.index("porn")
USE = OperatingPoint(threshold=40, explicit_share=0.1, limit=0.1)


def answers(n=400, *, explicit=True, seed=0) -> Columns:
    """Images in pairs of near copies, half of them explicit, on an axis with a rare third value."""
    random = np.random.default_rng(seed)
    is_explicit = np.repeat(random.random(n // 2) < 0.5, 2) & explicit
    scores = np.zeros((n, len(LABELS)), dtype=np.float32)
    scores[:, PORN] = np.where(is_explicit, random.beta(4, 2, n), random.beta(1, 6, n)).round(2)
    scores[:, NEUTRAL] = 1 - scores[:, PORN]
    tone = np.repeat(random.choice(3, n // 2, p=[0.6, 0.35, 0.05]), 2).astype(np.int16)
    return Columns(
        sha256=random.integers(0, 256, (n, 32)).astype(np.uint8),
        cluster=(np.arange(n) // 2).astype(np.uint64),
        expected=np.where(is_explicit, PORN, NEUTRAL).astype(np.uint8),
        scores=scores,
        groups={"tone": (["dark", "light", "rare"], tone)},
    )


def test_each_group_has_its_rates_at_the_threshold_and_at_the_mix():
    columns = answers()
    result = figures(columns, axis="tone", use=USE)
    score, explicit = columns.scores[:, PORN], columns.expected == PORN
    for place, name in enumerate(("dark", "light", "rare")):
        group = columns.groups["tone"][1] == place
        cell = result["groups"][name]
        flagged = score >= np.float32(0.4)
        safe, nsfw = group & ~explicit, group & explicit
        false_alarm = clustered_rate(flagged[safe], columns.cluster[safe])
        miss = clustered_rate(~flagged[nsfw], columns.cluster[nsfw])
        assert cell["false_alarm"] == pytest.approx(false_alarm)
        assert cell["miss"] == pytest.approx(miss)
        expected = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=0.1)
        for figure, estimate in expected.items():
            assert cell["at_mix"][figure] == pytest.approx(estimate)
        assert cell["area"]["value"] == pytest.approx(roc_auc_score(explicit[group], score[group]))
        assert cell["curve"]["safe"]["rate"][40] == pytest.approx(false_alarm["rate"])
        assert cell["curve"]["explicit"]["rate"][40] == pytest.approx(1 - miss["rate"])
        own = cell["own_threshold"]
        assert (score[safe] >= np.float32(own / 100)).mean() <= 0.1
        assert (score[safe] >= np.float32((own - 1) / 100)).mean() > 0.1
    assert json.loads(json.dumps(result)) == result


def test_a_chosen_threshold_is_counted_on_images_that_did_not_choose_it():
    result = figures(answers(), axis="tone", use=USE)
    fewest, within = result["chosen"]
    assert (fewest["rule"], within["rule"]) == ("fewest mistakes", "within the limit")
    for choice in result["chosen"]:
        halves = [choice[half]["false_alarm"] for half in ("first_half", "second_half")]
        in_groups = sum(cell["false_alarm"]["n"] for cell in choice["groups"].values())
        assert in_groups == halves[1]["n"]
        everyone = figures(answers(), axis="overall", use=USE)["groups"]["overall"]
        assert halves[0]["n"] + halves[1]["n"] == everyone["false_alarm"]["n"]
    first = {
        at: operating_point.figures(answers(), axis="overall", use=OperatingPoint(at, 0.1, 0.1))[
            "chosen"
        ][0]["threshold"]
        for at in (20, 60)
    }
    assert set(first.values()) == {fewest["threshold"]}  # the line that is shown does not matter


def test_the_first_half_chooses_thresholds_by_its_safe_and_explicit_images():
    columns = answers()
    score, explicit = columns.scores[:, PORN], columns.expected == PORN
    first = halves.first_half(columns.cluster)
    lines = [np.float32(threshold / 100) for threshold in range(1, 101)]
    false_alarms = np.array([(score[first & ~explicit] >= line).mean() for line in lines])
    misses = np.array([(score[first & explicit] < line).mean() for line in lines])
    tone = columns.groups["tone"][1]
    worst = np.max(
        [
            [(score[first & ~explicit & (tone == place)] >= line).mean() for line in lines]
            for place in (0, 1)
        ],
        axis=0,
    )
    fewest, within = figures(columns, axis="tone", use=USE)["chosen"]
    assert fewest["threshold"] == 1 + int((0.9 * false_alarms + 0.1 * misses).round(12).argmin())
    assert within["threshold"] == 1 + int((worst <= USE.limit).argmax())


def test_every_figure_is_of_its_images_at_the_level_that_was_asked_for():
    columns = answers()
    score, explicit = columns.scores[:, PORN], columns.expected == PORN
    result = figures(columns, axis="tone", use=USE, level=0.8)

    def at(rows, threshold):
        flagged = score >= np.float32(threshold / 100)
        false_alarm, miss = (
            clustered_rate(flagged[side] == wrong, columns.cluster[side], level=0.8)
            for side, wrong in ((rows & ~explicit, True), (rows & explicit, False))
        )
        mix = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=0.1)
        return {"false_alarm": false_alarm, "miss": miss, "at_mix": mix}

    first = halves.first_half(columns.cluster)
    everything = np.ones(len(columns), bool)
    groups = {
        name: columns.groups["tone"][1] == place
        for place, name in enumerate(("dark", "light", "rare"))
    }
    for choice in result["chosen"]:
        threshold = choice["threshold"]
        assert choice["first_half"] == at(first, threshold)
        assert choice["second_half"] == at(~first, threshold)
        assert choice["groups"] == {
            name: at(rows & ~first, threshold) for name, rows in groups.items()
        }
    overall = figures(columns, axis="overall", use=USE, level=0.8)
    wider = figures(columns, axis="overall", use=USE, level=0.95)
    for narrow, wide in zip(overall["reliability"], wider["reliability"], strict=True):
        assert wide["explicit"]["low"] <= narrow["explicit"]["low"]
    assert overall["reliability"] != wider["reliability"]
    safe = ~explicit
    promised = risk_control.promise(
        {"overall": (hundredths(score[safe]), cluster_numbers(columns.cluster[safe]))},
        limit=0.1,
        confidence=0.8,
    )
    promise = overall["promise"]
    assert promise["threshold"] == promised.threshold
    assert promise["threshold"] != wider["promise"]["threshold"]
    assert promise["all_images"] == at(everything, promise["threshold"])
    for name, rows in groups.items():
        cell, images = result["groups"][name], (score[rows], explicit[rows], columns.cluster[rows])
        assert cell["area"] == area_under_curve(*images, level=0.8)
        assert cell["calibration"] == calibration_error(*images, share=0.1, level=0.8)
        for side, curve in ((~explicit, "safe"), (explicit, "explicit")):
            shares = flagged_shares(score[rows & side], columns.cluster[rows & side], level=0.8)
            assert cell["curve"][curve] == {
                "n": shares.n,
                "clusters": shares.clusters,
                "rate": (shares.counts / shares.n).tolist(),
                "low": shares.low.tolist(),
                "high": shares.high.tolist(),
            }


def test_small_groups_do_not_choose_a_threshold():
    columns = answers()
    rare = columns.groups["tone"][1] == 2
    columns.scores[rare, PORN] = 1
    safe = rare & (columns.expected != PORN) & halves.first_half(columns.cluster)
    different = len(np.unique(columns.cluster[safe]))
    assert different < safe.sum()  # copies count once
    for minimum, chosen in ((different, False), (different + 1, True)):
        within = figures(columns, axis="tone", use=USE, minimum=minimum)["chosen"][1]
        assert (within["threshold"] is not None) == chosen
    assert figures(columns, axis="tone", use=USE)["chosen"][1]["threshold"] < 100
    assert figures(columns, axis="tone", use=USE, minimum=1)["chosen"][1]["threshold"] is None
    assert figures(columns, axis="tone", use=USE, minimum=10_000)["chosen"][1]["threshold"] is None


def test_a_promise_comes_with_its_price():
    columns = answers(2000)
    promise = figures(columns, axis="overall", use=USE)["promise"]
    flagged = columns.scores[:, PORN] >= np.float32(promise["threshold"] / 100)
    explicit = columns.expected == PORN
    price = promise["all_images"]
    assert price["miss"]["rate"] == pytest.approx((~flagged[explicit]).mean())
    assert price["false_alarm"]["rate"] == pytest.approx(flagged[~explicit].mean())
    assert price["false_alarm"]["rate"] < 0.1
    rare = figures(columns, axis="tone", use=OperatingPoint(40, 0.1, 0.01))["promise"]
    assert (rare["threshold"], rare["all_images"]) == (None, None)
    assert rare["groups"]["rare"]["more"] > 200


def test_without_explicit_images_what_needs_them_is_not_known():
    result = figures(answers(explicit=False), axis="tone", use=USE)
    for cell in result["groups"].values():
        assert cell["miss"] == rate(count=0, n=0)
        assert cell["at_mix"]["false_alarms"] is not None
        assert cell["at_mix"]["misses"] is cell["area"] is cell["calibration"] is None
        assert cell["curve"]["explicit"] == {
            "n": 0,
            "clusters": 0,
            "rate": [],
            "low": [],
            "high": [],
        }
    assert result["reliability"] == []
    fewest, within = result["chosen"]
    assert fewest == {"rule": "fewest mistakes", "threshold": None}
    assert within["threshold"] is not None


def test_only_safe_labels_can_have_false_alarms():
    result = figures(answers(), axis="class", use=USE)
    assert list(result["groups"]) == list(LABELS)
    assert set(result["promise"]["groups"]) == set(LABELS) - NSFW
    assert result["groups"]["porn"]["own_threshold"] is None


def test_reliability_is_the_share_of_explicit_images_of_each_bin_at_the_mix():
    columns = answers()
    explicit = columns.expected == PORN
    share = float(explicit.mean())
    bins = figures(columns, axis="overall", use=OperatingPoint(40, share, 0.1))["reliability"]
    assert sum(cell["n"] for cell in bins) == 400
    # At the images' own mix the bins are plain counts.
    total = sum(cell["n"] * cell["explicit"]["value"] for cell in bins)
    assert total == pytest.approx(explicit.sum())
    mean = sum(cell["n"] * cell["score"] for cell in bins) / 400
    assert mean == pytest.approx(columns.scores[:, PORN].mean())
    assert all(
        cell["explicit"]["low"] <= cell["explicit"]["value"] <= cell["explicit"]["high"]
        for cell in bins
    )
    rarer = figures(columns, axis="overall", use=OperatingPoint(40, 0.01, 0.1))["reliability"]
    assert sum(cell["explicit"]["value"] for cell in rarer) < total


def test_figures_say_their_options():
    result = figures(answers(), axis="tone", use=USE, minimum=7, level=0.8)
    options = {"axis": "tone", "threshold": 40, "explicit_share": 0.1, "limit": 0.1}
    assert result.items() >= (options | {"minimum": 7, "level": 0.8}).items()


def test_an_axis_must_be_one_of_the_answers():
    with pytest.raises(ValueError, match=r"overall, class, tone\. Received: hair"):
        figures(answers(), axis="hair", use=USE)


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - zip(…, strict=True) without it: both sides have as many bins.
