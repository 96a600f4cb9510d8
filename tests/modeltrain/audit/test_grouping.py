import numpy as np

from modeltrain.audit.grouping import Grouping


def test_groups_and_strata_are_put_in_the_order_of_their_first_images():
    axis = Grouping(
        values=["a", "b", "nobody", "c"],
        groups=np.array([3, 3, 0, 1, 0]),
        strata=np.array([4, 2, 4, 0, 2]),
        clusters=np.array([0, 1, 1, 2, 3]),
    ).by_first_image()
    assert axis.values == ["c", "a", "b", "nobody"]
    assert axis.groups.tolist() == [0, 0, 1, 2, 1]
    assert axis.strata.tolist() == [0, 1, 0, 2, 1]
    assert axis.clusters.tolist() == [0, 1, 1, 2, 3]


def test_images_and_what_happened_to_them_are_added_up_by_stratum_and_group():
    axis = Grouping(
        values=["a", "b", "nobody"],
        groups=np.array([0, 1, 1, 0]),
        strata=np.array([0, 0, 1, 1]),
        clusters=np.arange(4),
    )
    assert axis.counts().tolist() == [[1, 1, 0], [1, 1, 0]]
    happened = np.array([[1, 0, 0, 1], [-1, 0, 2, 0]])
    assert axis.sums(happened).tolist() == [[[1, 0, 0], [1, 0, 0]], [[-1, 0, 0], [0, 2, 0]]]


def test_a_pair_has_the_images_of_two_groups_alone():
    axis = Grouping(
        values=["a", "b", "c"],
        groups=np.array([2, 1, 0, 2, 1]),
        strata=np.array([0, 1, 1, 2, 2]),
        clusters=np.array([0, 1, 2, 2, 3]),
    )
    images, pair = axis.pair("b", "c")
    assert images.tolist() == [0, 1, 3, 4]
    assert (pair.values, pair.groups.tolist()) == (["b", "c"], [1, 0, 1, 0])
    assert (pair.strata.tolist(), pair.clusters.tolist()) == ([0, 1, 2, 2], [0, 1, 2, 3])
    images, _ = axis.pair("b", "c", among=np.array([True, False, True, True, True]))
    assert images.tolist() == [0, 3, 4]
