"""Groups beside the others: counted on fingers, against fairlearn, and simulated."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction

from bench.group_disparity import World, held
from modeltrain.audit.columns import Columns
from modeltrain.audit.fairness import cluster_numbers, effective_sample_size, wilson_limits
from modeltrain.audit.group_disparity import group_disparity
from modeltrain.audit.mover import IntervalEstimate, difference_interval
from tests.modeltrain.audit.test_headlines import DRAWINGS, NEUTRAL, PORN, answers, tones

ALARM = {"axis": "tone", "measure": "false_alarm"}


def rows_of(columns: Columns, against="rest", **options):
    result = group_disparity(columns, **ALARM | options)
    return {row["group"]: row for row in result["groups"] if row["against"] == against}


def test_difference_and_ratio_are_fairlearns_on_one_label():
    random = np.random.default_rng(4)
    images = [
        (NEUTRAL, PORN if random.random() < rate else NEUTRAL, {"tone": tone})
        for tone, rate, n in (("dark", 0.3, 80), ("light", 0.1, 200), ("medium", 0.2, 40))
        for _ in range(n)
    ]
    alarms = np.array([predicted == PORN for _, predicted, _ in images])
    rows = rows_of(answers(images))
    for tone, row in rows.items():
        groups = [tone if image["tone"] == tone else "others" for _, _, image in images]
        frame = MetricFrame(
            metrics=mean_prediction, y_true=alarms, y_pred=alarms, sensitive_features=groups
        )
        assert row["rate"] == pytest.approx(frame.by_group[tone])
        assert row["rest_rate"] == pytest.approx(frame.by_group["others"])
        assert abs(row["difference"]) == pytest.approx(frame.difference())
        assert min(row["ratio"], 1 / row["ratio"]) == pytest.approx(frame.ratio())
        assert row["low"] < row["difference"] < row["high"]
        assert row["ratio_low"] < row["ratio"] < row["ratio_high"]


def test_the_others_are_standardised_to_the_groups_labels_and_media():
    """Drawings 1 in 2, photographs 1 in 10, whatever the tone: only the mix differs."""
    mix = {("dark", DRAWINGS): 80, ("dark", NEUTRAL): 20, ("light", DRAWINGS): 40}
    mix |= {("light", NEUTRAL): 160, ("medium", DRAWINGS): 20, ("medium", NEUTRAL): 20}
    images = [
        (label, PORN if number < n * (0.5 if label == DRAWINGS else 0.1) else label, groups)
        for (tone, label), n in mix.items()
        for groups in [{"tone": tone, "medium": "vector" if label == DRAWINGS else "photograph"}]
        for number in range(n)
    ]
    dark = rows_of(answers(images))["dark"]
    assert dark["rate"] == pytest.approx(0.8 * 0.5 + 0.2 * 0.1)
    assert dark["rest_rate"] == pytest.approx(0.8 * 0.5 + 0.2 * 0.1)
    assert (dark["n"], dark["rest"]) == (100, 240)
    crude = (20 + 16 + 10 + 2) / 240
    assert dark["rate"] - crude > 0.2  # what the mix alone would say
    assert dark["difference"] == pytest.approx(0)
    assert dark["ratio"] == pytest.approx(1)


def test_media_are_compared_among_images_of_one_label():
    images = [
        (label, PORN if number < wrong else label, {"medium": medium})
        for medium, label, wrong in (
            ("vector", DRAWINGS, 30),
            ("render", DRAWINGS, 10),
            ("photograph", NEUTRAL, 0),
        )
        for number in range(50)
    ]
    result = group_disparity(answers(images), axis="medium", measure="error")
    photograph, render, vector = result["groups"]
    assert result["standardised"] == ["class"]
    assert (vector["difference"], render["difference"]) == pytest.approx((0.4, -0.4))
    assert photograph["missing"] == "nobody to compare with"
    assert (photograph["rate"], photograph["images"], photograph["n"]) == (None, 50, 0)


def test_a_reference_group_is_compared_with_each_of_the_others():
    columns = answers(tones({"dark": 30, "light": 10, "medium": 50}))
    rows = rows_of(columns, "reference", reference="light")
    assert list(rows) == ["dark", "medium"]
    assert rows["dark"]["difference"] == pytest.approx(0.2)
    assert rows["dark"]["ratio"] == pytest.approx(3)
    assert rows["medium"]["rest_rate"] == pytest.approx(0.1)
    assert rows_of(columns)["dark"]["rest_rate"] == pytest.approx(0.3)
    # Two intervals at once are each as wide as those of an axis with two groups.
    alone = rows_of(answers(tones({"dark": 30, "light": 10})))["dark"]
    for name in ("low", "high", "ratio_low", "ratio_high"):
        assert rows["dark"][name] == pytest.approx(alone[name])


def test_a_reference_that_the_axis_lacks_is_compared_with_nothing():
    result = group_disparity(answers(tones({"a": 1, "b": 2})), **ALARM, reference="c")
    assert result["reference"] is None
    assert {row["against"] for row in result["groups"]} == {"rest"}


def mixed_images():
    """Three tones of different mixes in pairs of near copies, and a tone on a medium of its own."""
    random = np.random.default_rng(3)
    images, clusters = [], []
    for number in range(300):
        label, medium = random.choice([DRAWINGS, NEUTRAL]), random.choice(["vector", "photograph"])
        hard = random.random() < 0.3
        for tone in random.choice(["dark", "light", "medium"], 2, p=[0.2, 0.5, 0.3]):
            wrong = random.random() < (0.7 if hard else 0.1)
            images.append((label, PORN if wrong else label, {"tone": tone, "medium": medium}))
            clusters.append(number)
    images += [(NEUTRAL, NEUTRAL, {"tone": "alone", "medium": "mosaic"})] * 5
    return images, clusters + list(range(1000, 1005))


def interval_by_definition(images, clusters, tone, others, level):
    """Wilson on both sides by effective sample size, then MOVER with the clusters' correlation."""
    sides = {tone: True} | dict.fromkeys(others, False)
    rows = [
        (predicted == PORN, (label, groups["medium"]), cluster, sides[groups["tone"]])
        for (label, predicted, groups), cluster in zip(images, clusters, strict=True)
        if groups["tone"] in sides
    ]
    counts = Counter((stratum, inside) for _, stratum, _, inside in rows)
    both = {stratum for stratum, inside in counts if counts[stratum, not inside]}
    total = sum(counts[stratum, True] for stratum in both)
    estimates, totals = [], []
    for side in (True, False):
        chosen = [row[:3] for row in rows if row[3] == side and row[1] in both]
        events = np.array([event for event, _, _ in chosen])
        weights = np.array(
            [counts[stratum, True] / total / counts[stratum, side] for _, stratum, _ in chosen]
        )
        names = np.array([cluster for _, _, cluster in chosen])
        effective = effective_sample_size(events, cluster_numbers(names), level=level)
        effective /= len(chosen) * (weights**2).sum()
        rate = (weights * events).sum()
        low, high = wilson_limits(rate * effective, effective, level=level)
        estimates.append(IntervalEstimate(rate, float(low), float(high)))
        of_cluster = Counter()
        for (event, stratum, cluster), weight in zip(chosen, weights, strict=True):
            mean = np.mean([other for other, same, _ in chosen if same == stratum])
            of_cluster[cluster] += weight * (event - mean)
        totals.append(of_cluster)
    shared = sum(totals[0][cluster] * totals[1][cluster] for cluster in totals[0])
    spread = [sum(value**2 for value in of_cluster.values()) for of_cluster in totals]
    return difference_interval(*estimates, correlation=shared / math.sqrt(math.prod(spread)))


@pytest.mark.parametrize("reference", [None, "light"])
def test_intervals_are_movers_of_both_sides_rates_at_the_level_of_all_groups(reference):
    images, clusters = mixed_images()
    against = "reference" if reference else "rest"
    rows = rows_of(answers(images, clusters=clusters), against, reference=reference, level=0.9)
    comparable = {"dark", "light", "medium"} - {reference}
    level = 0.9 ** (1 / len(comparable))
    for tone in comparable:
        others = [reference] if reference else {"dark", "light", "medium", "alone"} - {tone}
        interval = interval_by_definition(images, clusters, tone, others, level)
        assert (rows[tone]["low"], rows[tone]["high"]) == pytest.approx(interval)
    assert rows["alone"]["missing"] == "nobody to compare with"


def test_pairs_are_compared_within_their_clusters():
    """What is hard about a drawing is hard in each of its tones, and says nothing about them."""
    images = tones({"dark": 50, "light": 48})
    apart = rows_of(answers(images))["dark"]
    pairs = rows_of(answers(images, clusters=[*range(100), *range(100)]))["dark"]
    assert pairs["difference"] == apart["difference"]
    assert pairs["high"] - pairs["low"] < (apart["high"] - apart["low"]) / 3


def test_a_group_is_compared_only_with_enough_different_images_on_both_sides():
    images = tones({"dark": 9}, n=40) + tones({"light": 1, "medium": 3}, n=20)
    enough = rows_of(answers(images))
    assert {tone: row["missing"] for tone, row in enough.items()} == {
        "dark": None,
        "light": "not enough images",
        "medium": "not enough images",
    }
    copies = rows_of(answers(images, clusters=[*range(40), *[40] * 20, *range(41, 61)]))["dark"]
    assert (copies["clusters"], copies["rest"], copies["rest_clusters"]) == (40, 40, 21)
    assert copies["missing"] == "not enough images"
    assert copies["rate"] == 9 / 40  # figures are there for whoever reads the JSON


def test_a_group_without_safe_images_and_one_beside_nobody_say_so():
    images = [
        *tones({"dark": 3, "light": 3}),
        *tones({"explicit": 5}, expected=PORN, predicted=NEUTRAL),
        *tones({"alone": 5}, medium="render"),
    ]
    rows = rows_of(answers(images))
    assert rows["explicit"]["missing"] == "no such images"
    assert rows["alone"]["missing"] == "nobody to compare with"
    assert rows["dark"]["missing"] is None
    assert rows["dark"]["rest"] == 100
    beside = rows_of(answers(images), "reference", reference="alone")
    assert {row["missing"] for tone, row in beside.items() if tone != "explicit"} == {
        "nobody to compare with"
    }
    nothing = rows_of(answers(tones({"dark": 3}, expected=PORN, predicted=NEUTRAL)))
    assert nothing["dark"]["missing"] == "no such images"


def test_an_axis_with_one_value_compares_nobody():
    assert rows_of(answers(tones({"dark": 3})))["dark"]["missing"] == "nobody to compare with"


def test_a_ratio_to_a_rate_of_zero_is_not_known():
    rows = rows_of(answers(tones({"dark": 20, "light": 0})))
    assert rows["dark"]["ratio"] is rows["dark"]["ratio_high"] is None
    assert rows["dark"]["ratio_low"] > 1
    assert rows["light"]["ratio"] == 0


def test_all_groups_hold_at_once_so_that_more_groups_have_wider_intervals():
    few = rows_of(answers(tones(dict.fromkeys("ab", 10))))["a"]
    many = rows_of(answers(tones({f"{n:03}": 10 for n in range(200)})))
    assert len(many) == 200
    assert many["000"]["low"] > -1
    assert many["000"]["high"] > few["high"] / 2**0.5 * 1.2  # though the others are 199 times more
    json.dumps(many, allow_nan=False)


@pytest.mark.parametrize("world", [World(900, 6, cluster=2), World(600, 6, rate=0.02)])
def test_the_intervals_of_all_groups_hold_at_once(world):
    """In 95% of audits, each of six differences is inside its interval, and each of six ratios."""
    random = np.random.default_rng(8)
    audits = [held(world, random) for _ in range(250)]
    for share in np.mean(audits, axis=0):
        assert 0.92 <= share < 1
