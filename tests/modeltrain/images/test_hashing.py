import hashlib

import numpy as np
from PIL import Image

from modeltrain.images.hashing import Pdq, distance, pdq, sha256_file


def scene(seed, size=256):
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))


def test_distance_counts_the_bits_that_differ():
    nothing, one, all_of_them = "0" * 64, "0" * 63 + "1", "f" * 64
    assert distance(Pdq(nothing, 100), Pdq(nothing, 100)) == 0
    assert distance(Pdq(nothing, 100), Pdq(one, 100)) == 1
    assert distance(Pdq(nothing, 100), Pdq(all_of_them, 100)) == 256


def test_a_smaller_copy_is_near_and_another_picture_far():
    original = pdq(scene(1))
    smaller = np.array(Image.fromarray(scene(1)).resize((128, 128)))
    assert len(original.bits) == 64
    assert original.quality > 50
    assert distance(original, pdq(smaller)) <= 31
    assert distance(original, pdq(scene(2))) > 80


def test_a_plain_picture_has_no_quality():
    assert pdq(np.full((64, 64, 3), 255, np.uint8)).quality == 0


def test_one_pixel_can_be_hashed():
    assert pdq(np.zeros((1, 1, 3), np.uint8)).bits == "0" * 64


def test_sha256_file_is_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
