"""What 1,000 images meet, counted by hand and by simulation."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from modeltrain.audit.fairness import rate
from modeltrain.audit.mix import at_mix, precision, share_of_first

NO_DATA = rate(count=0, n=0)


def test_a_rate_is_a_share_of_the_images_that_it_is_about():
    false_alarm, miss = rate(count=10, n=100), rate(count=4, n=20)
    figures = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=0.05)
    # Of 1,000 images 950 are safe, of which 95 are flagged; of 50 explicit ones 10 are missed.
    assert figures["false_alarms"] == pytest.approx(
        {"value": 0.095, "low": 0.95 * false_alarm["low"], "high": 0.95 * false_alarm["high"]}
    )
    assert figures["misses"] == pytest.approx(
        {"value": 0.01, "low": 0.05 * miss["low"], "high": 0.05 * miss["high"]}
    )
    assert figures["mistakes"]["value"] == pytest.approx(0.105)
    assert figures["precision"]["value"] == pytest.approx(40 / (40 + 95))


def test_a_sum_moves_as_far_as_the_two_together():
    false_alarm, miss = rate(count=10, n=100), rate(count=4, n=20)
    figures = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=0.5)
    up = [(part["high"] - part["rate"]) / 2 for part in (false_alarm, miss)]
    down = [(part["rate"] - part["low"]) / 2 for part in (false_alarm, miss)]
    assert figures["mistakes"]["high"] == pytest.approx(0.15 + np.hypot(*up))
    assert figures["mistakes"]["low"] == pytest.approx(0.15 - np.hypot(*down))


def test_at_the_mix_of_the_images_the_precision_is_that_of_scikit_learn():
    explicit = np.repeat([True, False], [20, 80])
    flagged = np.r_[np.arange(20) < 15, np.arange(80) < 9]
    figures = at_mix(false_alarm=rate(count=9, n=80), miss=rate(count=5, n=20), explicit_share=0.2)
    assert figures["precision"]["value"] == pytest.approx(precision_score(explicit, flagged))


def test_the_precision_is_of_the_images_that_are_not_missed():
    false_alarm, miss, caught = (rate(count=k, n=n) for k, n in ((10, 100), (4, 20), (16, 20)))
    figures = at_mix(false_alarm=false_alarm, miss=miss, explicit_share=0.2)
    assert figures["precision"] == pytest.approx(precision(false_alarm, caught, 0.2))


counts = st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(any)


@given(counts, counts)
def test_at_a_limit_of_a_share_the_two_are_just_compatible(hits, misses):
    """Donner and Zou: at a limit r of second / first, a limit of second - r first is 0."""
    first, second = (rate(count=k, n=k + rest) for k, rest in (hits, misses))
    first, second = ({"value": figure["rate"]} | figure for figure in (first, second))
    assume(first["value"] + second["value"] > 0)
    share = share_of_first(first, second)
    assert share["value"] == pytest.approx(first["value"] / (first["value"] + second["value"]))
    assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    for end, other in (("low", "high"), ("high", "low")):
        # Times the share, so that a share of 0, a ratio without bounds, has its equation too.
        x, y = (1 - share[end]) * first["value"], share[end] * second["value"]
        away = (1 - share[end]) * (first[end] - first["value"])
        assert (y - x) ** 2 == pytest.approx(
            away**2 + (share[end] * (second[other] - second["value"])) ** 2, abs=1e-9
        )


def test_without_explicit_images_only_false_alarms_are_known():
    figures = at_mix(false_alarm=rate(count=1, n=50), miss=NO_DATA, explicit_share=0.1)
    assert figures["false_alarms"]["value"] == pytest.approx(0.018)
    assert figures["misses"] is figures["mistakes"] is figures["precision"] is None


def test_without_safe_images_only_misses_are_known():
    figures = at_mix(false_alarm=NO_DATA, miss=rate(count=1, n=50), explicit_share=0.1)
    assert figures["misses"]["value"] == pytest.approx(0.002)
    assert figures["false_alarms"] is figures["mistakes"] is figures["precision"] is None


def test_what_the_mix_has_not_needs_no_data():
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
    figures = at_mix(false_alarm=rate(count=1, n=50), miss=NO_DATA, explicit_share=0)
    assert figures["misses"] == nothing
    assert figures["mistakes"]["value"] == pytest.approx(0.02)
    assert figures["precision"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    figures = at_mix(false_alarm=NO_DATA, miss=rate(count=1, n=50), explicit_share=1)
    assert figures["false_alarms"] == nothing
    assert figures["precision"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_where_nothing_is_flagged_precision_is_not_known():
    figures = at_mix(false_alarm=rate(count=0, n=50), miss=rate(count=9, n=9), explicit_share=0.5)
    assert figures["precision"] is None


def test_a_share_of_all_or_nothing_has_an_interval_on_one_side():
    none, some = (
        {"value": v, "low": low, "high": high} for v, low, high in ((0, 0, 0.1), (0.5, 0.4, 0.6))
    )
    share = share_of_first(none, some)
    assert (share["value"], share["low"]) == (0, 0)
    assert 0 < share["high"] < 0.25
    share = share_of_first(some, none)
    assert (share["value"], share["high"]) == (1, 1)
    assert 0.75 < share["low"] < 1


@pytest.mark.parametrize(
    ("alarm", "miss_rate", "n", "mix"), [(0.1, 0.2, 60, 0.5), (0.02, 0.1, 300, 0.05)]
)
def test_intervals_hold_the_truth_95_times_of_100(alarm, miss_rate, n, mix):
    random = np.random.default_rng(0)
    truth = {
        "mistakes": (1 - mix) * alarm + mix * miss_rate,
        "precision": mix * (1 - miss_rate) / (mix * (1 - miss_rate) + (1 - mix) * alarm),
    }
    held = dict.fromkeys(truth, 0)
    for false_alarms, misses in random.binomial(n, [alarm, miss_rate], (400, 2)):
        figures = at_mix(
            false_alarm=rate(count=int(false_alarms), n=n),
            miss=rate(count=int(misses), n=n),
            explicit_share=mix,
        )
        for name, value in truth.items():
            held[name] += figures[name]["low"] <= value <= figures[name]["high"]
    assert all(0.92 <= count / 400 <= 0.985 for count in held.values()), held


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_mix_is_a_share(share):
    with pytest.raises(
        ValueError, match=r"^The share of explicit images must be from 0 to 1\. Received: "
    ):
        at_mix(false_alarm=NO_DATA, miss=NO_DATA, explicit_share=share)
