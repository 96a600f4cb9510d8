import numpy as np
import pytest

from modeltrain.audit.agreement import MINIMUM_JUDGED_TWICE, agreement, alpha

NO_FIGURE = {"enough": False, "alpha": None, "low": None, "high": None}


def test_alpha_of_four_pairs_is_counted_by_hand() -> None:
    # Three of four pairs agree; of 8 judgements 5 are a and 3 are b: chance disagrees in
    # 2·5·3 / (8·7) = 15/28.
    counts = np.array([[2, 0], [2, 0], [0, 2], [1, 1]])
    assert alpha(counts) == pytest.approx(1 - (1 / 4) / (15 / 28))


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    """Two observers, nominal, without missing data: alpha is 0.692 (Krippendorff 2011, B)."""
    meg = "aabbdcccedda"
    owen = "babbbccceddd"
    counts = np.array(
        [[(m == v) + (o == v) for v in "abcde"] for m, o in zip(meg, owen, strict=True)]
    )
    assert alpha(counts) == pytest.approx(0.692, abs=0.0005)


def test_identical_judgements_have_no_alpha() -> None:
    assert alpha(np.array([[2, 0], [2, 0]])) is None
    assert alpha(np.zeros((0, 2), dtype=int)) is None


def test_a_single_judgement_of_another_value_does_not_give_an_alpha() -> None:
    assert alpha(np.array([[2, 0], [2, 0], [0, 1]])) is None


def test_items_judged_by_one_person_are_left_out() -> None:
    judgements = [["a", "a"], ["b", "b"], ["a"], ["b"]]
    assert agreement(judgements, ["a", "b"], minimum=1)["n"] == 2


def test_full_agreement_is_one_and_its_interval_has_no_width() -> None:
    judgements = [["a", "a"]] * 20 + [["b", "b"]] * 20
    figures = agreement(judgements, ["a", "b"], minimum=20)
    certain = {"enough": True, "alpha": 1.0, "low": 1.0, "high": 1.0}
    assert figures == {
        "n": 40,
        **certain,
        "values": {"a": {"n": 20, **certain}, "b": {"n": 20, **certain}},
    }


def test_the_interval_contains_alpha_and_narrows_with_more_items() -> None:
    few = agreement([["a", "a"], ["b", "b"], ["a", "b"]] * 15, ["a", "b"])
    many = agreement([["a", "a"], ["b", "b"], ["a", "b"]] * 150, ["a", "b"])
    for figures in (few, many):
        assert figures["low"] < figures["alpha"] < figures["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_the_interval_is_the_bootstrap_percentile_interval() -> None:
    judgements = [["a", "a"], ["b", "b"], ["a", "b"]] * 15
    counts = np.array([[2, 0], [0, 2], [1, 1]] * 15)
    random = np.random.default_rng(7)
    estimates = [alpha(counts[random.integers(0, 45, 45)]) for _ in range(300)]
    figures = agreement(judgements, ["a", "b"])
    assert (figures["low"], figures["high"]) == tuple(np.quantile(estimates, [0.025, 0.975]))


def test_resamples_without_an_alpha_are_ignored() -> None:
    # One item in forty is b: more than a third of the resamples miss it and have no alpha.
    figures = agreement([["a", "a"]] * 39 + [["b", "b"]], ["a", "b"])
    assert (figures["alpha"], figures["low"], figures["high"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("items", "enough"), [(29, False), (30, True)])
def test_thirty_items_are_enough(items, enough) -> None:
    assert MINIMUM_JUDGED_TWICE == 30
    figures = agreement([["a", "b"]] * items, ["a", "b"])
    assert (figures["n"], figures["enough"]) == (items, enough)
    assert figures["values"]["a"]["enough"] is enough


def test_below_the_minimum_there_is_no_figure() -> None:
    figures = agreement([["a", "a"], ["b", "b"]] * 14 + [["a", "b"]], ["a", "b", "c"])
    assert figures == {
        "n": 29,
        **NO_FIGURE,
        "values": {"a": {"n": 15, **NO_FIGURE}, "b": {"n": 15, **NO_FIGURE}}
        | {"c": {"n": 0, **NO_FIGURE}},
    }
    figures = agreement([["a", "a"], ["b", "b"]] * 20 + [["a", "c"]], ["a", "b", "c"], minimum=20)
    assert [cell["enough"] for cell in figures["values"].values()] == [True, True, False]
    assert figures["values"]["c"]["n"] == 1


def test_a_confused_value_has_a_lower_alpha_than_one_that_is_not() -> None:
    judgements = [["a", "a"]] * 40 + [["b", "c"], ["c", "b"], ["b", "b"], ["c", "c"]] * 10
    cells = agreement(judgements, ["a", "b", "c"])["values"]
    assert cells["a"]["alpha"] == 1.0
    # b against the rest: 80 items and 160 judgements, 40 of them b; 20 items disagree.
    assert cells["b"]["alpha"] == pytest.approx(1 - (20 / 80) / (2 * 40 * 120 / (160 * 159)))
    assert cells["b"]["n"] == 30
    assert cells["b"]["high"] < 1.0


def test_an_unknown_judgement_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one of \['a', 'b'\]\. Received: 'z'"):
        agreement([["a", "z"]], ["a", "b"])


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - zip without `strict`: both sides have one entry per item.
# - `counts` without `dtype=int`: floats that hold the same counts.
