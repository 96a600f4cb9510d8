import numpy as np

from modeltrain.audit.columns import ABSENT, CLASS, Columns
from modeltrain.audit.strata import strata_of
from modeltrain.labels import LABELS

# Label, medium: 1 photograph, 0 vector, ABSENT not stated.
IMAGES = [(0, 0), (0, 1), (2, 1), (2, ABSENT), (0, 0), (4, 1)]


def answers() -> Columns:
    expected, media = np.array(IMAGES, dtype=np.int16).T
    return Columns(
        sha256=[str(number) for number in range(len(IMAGES))],
        cluster=[str(number) for number in range(len(IMAGES))],
        expected=expected,
        scores=np.zeros((len(IMAGES), len(LABELS)), np.float32),
        groups={"medium": (["vector", "photograph"], media)},
    )


def test_images_of_one_stratum_agree_on_everything():
    rows = np.arange(len(IMAGES))
    assert strata_of(answers(), rows, [CLASS]).tolist() == [0, 0, 1, 1, 0, 2]
    assert strata_of(answers(), rows, ["medium"]).tolist() == [1, 2, 2, 0, 1, 2]
    assert strata_of(answers(), rows, ["medium", CLASS]).tolist() == [1, 2, 3, 0, 1, 4]


def test_strata_are_parted_further_within_those_that_are_given():
    rows = np.array([0, 1, 2, 5])
    within = np.array([1, 0, 1, 0])
    assert strata_of(answers(), rows, ["medium"], within=within).tolist() == [1, 0, 2, 0]


def test_what_is_not_known_parts_nothing():
    rows = np.arange(len(IMAGES))
    assert strata_of(answers(), rows, ()).tolist() == [0] * 6
    assert strata_of(answers(), rows, ["tone"]).tolist() == [0] * 6
    assert strata_of(answers(), rows[:0], [CLASS, "medium"]).tolist() == []


# Mutants that survive change nothing. In `_parted`, any factor above the largest number keeps
# strata apart (`initial=1`, `+ 2`); in `strata_of`, `+ 2` is as good as `+ 1`, because strata are
# numbered anew.
