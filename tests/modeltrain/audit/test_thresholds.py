"""Every threshold at once gives the figures of one threshold at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from modeltrain.audit.fairness import clustered_rate, effective_sample_size, rate
from modeltrain.audit.harm import DecisionRule
from modeltrain.audit.thresholds import NEVER, flagged_shares
from modeltrain.labels import LABELS, NSFW


@given(
    st.lists(
        st.tuples(st.integers(0, 100).map(lambda score: score / 100), st.integers(0, 7)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([0.95, 0.8]),
)
@settings(max_examples=40, deadline=None)
def test_each_threshold_has_the_rate_and_interval_of_all_other_pages(images, level):
    scores, clusters = (np.array(column) for column in zip(*images, strict=True))
    shares = flagged_shares(scores, clusters, level=level)
    reached = scores.astype(np.float32)
    for at in range(0, NEVER + 1, 3):
        flagged = reached >= np.float32(at / 100) if at < NEVER else np.zeros(len(images), bool)
        expected = clustered_rate(flagged, clusters, level=level)
        assert shares.flagged(at) == pytest.approx(expected, abs=1e-9)
        expected = clustered_rate(~flagged, clusters, level=level)
        assert shares.not_flagged(at) == pytest.approx(expected, abs=1e-9)


def test_a_threshold_flags_what_the_gate_takes_for_flagged():
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.full(len(LABELS), 0.3), 500).astype(np.float32)
    nsfw = scores[:, [label in NSFW for label in LABELS]].astype(float).sum(axis=1).clip(0, 1)
    shares = flagged_shares(nsfw, np.arange(500))
    for at in (1, 29, 30, 50, 57, 70, 99):
        assert shares.counts[at] == DecisionRule(at / 100).flagged(scores).sum()


def test_large_clusters_count_as_in_one_threshold_at_a_time():
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(60), random.integers(1, 30, 60))
    scores = np.clip(random.random(60)[clusters] + random.normal(0, 0.1, len(clusters)), 0, 1)
    shares = flagged_shares(scores, clusters)
    for at in range(101):
        expected = clustered_rate(scores.astype(np.float32) >= np.float32(at / 100), clusters)
        assert shares.flagged(at) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scores", [np.repeat([0.9, 0.1], 6), np.repeat([0.1, 0.9], 6)])
def test_where_half_is_flagged_the_side_in_fewer_clusters_counts(scores):
    clusters = np.array([0] * 6 + list(range(1, 7)))
    shares, flagged = flagged_shares(scores, clusters), scores > 0.5
    for events in (flagged, flagged.astype(np.int8), flagged.astype(int)):
        assert shares.flagged(50) == pytest.approx(clustered_rate(events, clusters))
        assert shares.not_flagged(50) == pytest.approx(clustered_rate(1 - events * 1, clusters))
    kish, student = (6**2 + 6) / 12, t.ppf(0.975, 11) / t.ppf(0.975, 3)  # clusters are alike inside
    assert effective_sample_size(flagged, clusters) == pytest.approx(12 / kish * student**2)


def test_images_of_one_cluster_count_as_one():
    scores = np.repeat([0.9, 0.1], 6)
    one_cluster = flagged_shares(scores, np.zeros(12, int))
    assert one_cluster.flagged(50) == pytest.approx(clustered_rate(scores > 0.5, np.zeros(12)))


def test_no_images_are_no_data():
    shares = flagged_shares([], [])
    assert shares.flagged(50) == shares.not_flagged(50) == rate(count=0, n=0)
    assert (shares.n, shares.clusters, shares.counts.tolist()) == (0, 0, [0] * 102)
    assert shares.low.shape == shares.high.shape == (0,)


@pytest.mark.parametrize("scores", [[0.5, float("nan")], [0.5, 1.1], [-0.1, 0.5], [0.5]])
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(ValueError, match=r"^Each image needs one NSFW score from 0 to 1, "):
        flagged_shares(scores, [0, 1])


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - dtype=None, astype(None): numpy chooses a type that holds the same numbers.
# - np.ones(None): one number for all thresholds, which are as many.
# - tail = 1 - (1 + level) / 2: the other tail of a symmetric distribution, squared.
