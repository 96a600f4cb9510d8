"""Augmentation: drawn from the image's hash, only in training, within its limits."""

import keras
import numpy as np
import pytest

from modeltrain.training.augment import (
    Augmentation,
    AugmentedCopies,
    ChannelShift,
    augmentation_layers,
    resize_square,
)
from modeltrain.training.config_rules import ConfigRefused
from tests.modeltrain.conftest import blobs

NOTHING = Augmentation(rotate=0, shift=0, crop=0, shear=0, zoom=0, flip=False, channel_shift=0)
SHA = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def copies():
    return AugmentedCopies(Augmentation(), size=75)


def test_the_same_image_and_number_give_the_same_copy(copies):
    first = copies.augment(blobs(1), sha256=SHA, number=1)
    copies.augment(blobs(2), sha256="f" * 64, number=1)
    np.testing.assert_array_equal(copies.augment(blobs(1), sha256=SHA, number=1), first)


def test_another_number_or_image_gives_another_copy(copies):
    copy = copies.augment(blobs(1), sha256=SHA, number=1)
    assert (copies.augment(blobs(1), sha256=SHA, number=2) != copy).any()
    assert (copies.augment(blobs(1), sha256="f" * 64, number=1) != copy).any()


def test_a_copy_is_a_square_of_pixels(copies):
    copy = copies.augment(blobs(1), sha256=SHA, number=1)
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
def test_every_kind_of_change_changes_the_image(change):
    limits = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    copies = AugmentedCopies(Augmentation(**limits | change), size=75)
    assert (copies.augment(blobs(1), sha256=SHA, number=1) != resize_square(blobs(1), 75)).any()


def test_some_copies_are_mirrored_and_some_are_not():
    limits = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    copies = AugmentedCopies(Augmentation(**limits | {"flip": True}), size=75)
    image = resize_square(blobs(1), 75)
    augmented = [copies.augment(blobs(1), sha256=SHA, number=number) for number in range(1, 20)]
    mirrored = [np.array_equal(copy, image[:, ::-1]) for copy in augmented]
    same = [np.array_equal(copy, image) for copy in augmented]
    assert any(mirrored)
    assert any(same)
    assert all(m or s for m, s in zip(mirrored, same, strict=True))


def test_nothing_is_augmented_at_evaluation():
    layers = augmentation_layers(Augmentation(crop=0), size=75, seed=0)
    batch = resize_square(blobs(1), 75).astype(np.float32)[None]
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
def test_an_impossible_limit_is_refused_by_name(field, value):
    with pytest.raises(ConfigRefused, match=rf"Augmentation\.{field} must be .*Received: {value}"):
        Augmentation(**{field: value})
