import numpy as np
import pytest
from sklearn.metrics import zero_one_loss

from modeltrain.audit.halves import fewest_mistakes, first_half, lowest_within
from modeltrain.audit.harm import hundredths


def counts(scores):
    reached = hundredths(scores)
    return np.array([(reached >= at).sum() for at in range(102)]), len(scores)


def test_clusters_stay_whole_and_half_of_them_are_in_each_half():
    clusters = np.repeat(np.arange(41), 3)
    half = first_half(clusters)
    by_cluster = half.reshape(41, 3)
    assert (by_cluster.all(axis=1) | ~by_cluster.any(axis=1)).all()
    assert by_cluster.all(axis=1).sum() == 20
    assert (first_half(clusters) == half).all()
    assert (first_half(clusters, seed=1) != half).any()
    assert first_half([]).tolist() == []


def test_the_lowest_threshold_within_a_limit_counts_every_group():
    quiet, loud = counts([0.1] * 99 + [0.5]), counts([0.1] * 96 + [0.3, 0.4, 0.6, 0.7])
    assert lowest_within([quiet], limit=0.02) == 11
    assert lowest_within([quiet, loud], limit=0.02) == 41
    assert lowest_within([quiet, loud], limit=0.03) == 31
    assert lowest_within([quiet, loud], limit=0) == 71
    assert lowest_within([quiet, loud], limit=1) == 1


def test_without_groups_or_without_a_threshold_there_is_none():
    assert lowest_within([], limit=0.02) is None
    assert lowest_within([counts([1.0])], limit=0.02) is None


def test_fewest_mistakes_at_the_images_own_mix_is_the_least_zero_one_loss():
    random = np.random.default_rng(0)
    safe, explicit = random.beta(2, 5, 300).round(3), random.beta(5, 2, 100).round(3)
    scores, truth = np.r_[safe, explicit], np.arange(400) >= 300
    losses = {at: zero_one_loss(truth, scores >= at / 100) for at in range(1, 101)}
    chosen = fewest_mistakes(safe=counts(safe), explicit=counts(explicit), explicit_share=0.25)
    assert losses[chosen] == min(losses.values())
    assert chosen == min(at for at in losses if losses[at] == losses[chosen])


@pytest.mark.parametrize(("share", "chosen"), [(0.01, 100), (0.99, 1)])
def test_a_rare_side_gives_way(share, chosen):
    safe, explicit = counts([0.2, 0.99]), counts([0.01, 0.8])
    assert fewest_mistakes(safe=safe, explicit=explicit, explicit_share=share) == chosen


def test_without_one_side_no_threshold_is_best():
    some, none = counts([0.2]), counts([])
    assert fewest_mistakes(safe=some, explicit=none, explicit_share=0.1) is None
    assert fewest_mistakes(safe=none, explicit=some, explicit_share=0.1) is None


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - 2 - hits / explicit_images: every threshold has as much more.
# - round(13): sums of shares differ by more, or by rounding alone.
