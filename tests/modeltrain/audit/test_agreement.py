import numpy as np
import pytest

from modeltrain.audit.agreement import agreement, alpha


def test_alpha_of_four_pairs_is_counted_by_hand() -> None:
    # Three of four pairs agree; 8 words, 5 a and 3 b: chance disagrees in 2·5·3 / (8·7) = 15/28.
    counts = np.array([[2, 0], [2, 0], [0, 2], [1, 1]])
    assert alpha(counts) == pytest.approx(1 - (1 / 4) / (15 / 28))


def test_krippendorffs_own_example() -> None:
    """Two observers, nominal, without missing data: alpha is 0.692 (Krippendorff 2011, B)."""
    meg = "aabbdcccedda"
    owen = "babbbccceddd"
    counts = np.array(
        [[(m == v) + (o == v) for v in "abcde"] for m, o in zip(meg, owen, strict=True)]
    )
    assert alpha(counts) == pytest.approx(0.692, abs=0.0005)


def test_where_everybody_says_the_same_of_everything_there_is_no_alpha() -> None:
    assert alpha(np.array([[2, 0], [2, 0]])) is None
    assert alpha(np.zeros((0, 2), dtype=int)) is None


def test_one_who_judges_alone_says_nothing_of_agreement() -> None:
    said = [["a", "a"], ["b", "b"], ["a"], ["b"]]
    assert agreement(said, ["a", "b"], minimum=1)["n"] == 2


def test_full_agreement_is_one_and_its_range_has_no_width() -> None:
    found = agreement([["a", "a"]] * 20 + [["b", "b"]] * 20, ["a", "b"])
    assert (found["alpha"], found["low"], found["high"]) == (1.0, 1.0, 1.0)


def test_the_range_holds_alpha_and_narrows_with_more() -> None:
    few = agreement([["a", "a"], ["b", "b"], ["a", "b"]] * 15, ["a", "b"])
    many = agreement([["a", "a"], ["b", "b"], ["a", "b"]] * 150, ["a", "b"])
    for found in (few, many):
        assert found["low"] < found["alpha"] < found["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_under_the_minimum_there_is_no_figure() -> None:
    found = agreement([["a", "a"], ["b", "b"]] * 14 + [["a", "b"]], ["a", "b", "c"])
    assert found["n"] == 29
    assert not found["enough"]
    assert found["alpha"] is None
    found = agreement([["a", "a"], ["b", "b"]] * 20 + [["a", "c"]], ["a", "b", "c"], minimum=20)
    assert [cell["enough"] for cell in found["values"].values()] == [True, True, False]
    assert found["values"]["c"]["n"] == 1


def test_a_label_that_is_confused_has_a_lower_alpha_than_one_that_is_not() -> None:
    said = [["a", "a"]] * 40 + [["b", "c"], ["c", "b"], ["b", "b"], ["c", "c"]] * 10
    cells = agreement(said, ["a", "b", "c"])["values"]
    assert cells["a"]["alpha"] == 1.0
    assert cells["b"]["high"] < 1.0


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        agreement([["a", "z"]], ["a", "b"])
