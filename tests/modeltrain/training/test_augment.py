"""Changes to a picture: drawn from its hash, only while training, within their limits."""

import keras
import numpy as np
import pytest

from modeltrain.training.augment import Augmentation, ChannelShift, Variants, fit, network
from modeltrain.training.config_rules import ConfigRefused
from tests.modeltrain.conftest import blobs

NOTHING = Augmentation(rotate=0, shift=0, crop=0, shear=0, zoom=0, flip=False, channel_shift=0)
SHA = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def variants():
    return Variants(Augmentation(), size=75)


def test_the_same_image_and_number_give_the_same_copy(variants):
    first = variants.make(blobs(1), sha256=SHA, number=1)
    variants.make(blobs(2), sha256="f" * 64, number=1)
    np.testing.assert_array_equal(variants.make(blobs(1), sha256=SHA, number=1), first)


def test_another_number_or_image_gives_another_copy(variants):
    copy = variants.make(blobs(1), sha256=SHA, number=1)
    assert (variants.make(blobs(1), sha256=SHA, number=2) != copy).any()
    assert (variants.make(blobs(1), sha256="f" * 64, number=1) != copy).any()


def test_a_copy_is_a_square_of_pixels(variants):
    copy = variants.make(blobs(1), sha256=SHA, number=1)
    assert copy.shape == (75, 75, 3)
    assert copy.dtype == np.uint8


@pytest.mark.parametrize(
    "change",
    [
        {"rotate": 30.0},
        {"shift": 0.1},
        {"crop": 0.1},
        {"shear": 0.2},
        {"zoom": 0.2},
        {"channel_shift": 20.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_change_changes_the_picture(change):
    limits = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    one = Variants(Augmentation(**limits | change), size=75)
    assert (one.make(blobs(1), sha256=SHA, number=1) != fit(blobs(1), 75)).any()


def test_some_copies_are_mirrored_and_some_are_not():
    limits = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    one = Variants(Augmentation(**limits | {"flip": True}), size=75)
    picture = fit(blobs(1), 75)
    copies = [one.make(blobs(1), sha256=SHA, number=number) for number in range(1, 20)]
    mirrored = [np.array_equal(copy, picture[:, ::-1]) for copy in copies]
    same = [np.array_equal(copy, picture) for copy in copies]
    assert any(mirrored)
    assert any(same)
    assert all(m or s for m, s in zip(mirrored, same, strict=True))


def test_nothing_is_changed_at_evaluation():
    layers = network(Augmentation(crop=0), size=75, seed=0)
    batch = fit(blobs(1), 75).astype(np.float32)[None]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layers(batch, training=False)), batch)


def test_a_channel_shift_is_the_same_for_all_pixels_and_within_its_limit():
    grey = np.full((4, 8, 8, 3), 128, dtype=np.float32)
    shift = keras.ops.convert_to_numpy(ChannelShift(20, seed=1)(grey, training=True)) - grey
    assert (shift == shift[:, :1, :1]).all()
    assert 0 < np.abs(shift).max() <= 20
    assert len(np.unique(shift)) == 12


@pytest.mark.parametrize(
    ("field", "value"), [("rotate", -1), ("shift", 1.0), ("zoom", -0.1), ("channel_shift", 300)]
)
def test_a_limit_that_cannot_be_is_refused_by_name(field, value):
    with pytest.raises(ConfigRefused, match=rf"Augmentation\.{field} must be .*Received: {value}"):
        Augmentation(**{field: value})
