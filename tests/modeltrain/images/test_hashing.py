import hashlib

import numpy as np
from PIL import Image

from modeltrain.images.hashing import Pdq, distance, pdq, sha256_file


def scene(seed, size=256):
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))


def test_distance_counts_the_bits_that_differ():
    no_bits, one_bit, all_bits = "0" * 64, "0" * 63 + "1", "f" * 64
    assert distance(Pdq(no_bits, 100), Pdq(no_bits, 100)) == 0
    assert distance(Pdq(no_bits, 100), Pdq(one_bit, 100)) == 1
    assert distance(Pdq(no_bits, 100), Pdq(all_bits, 100)) == 256


def test_a_smaller_copy_is_near_and_another_image_is_far():
    original = pdq(scene(1))
    smaller = np.array(Image.fromarray(scene(1)).resize((128, 128)))
    assert len(original.bits) == 64
    assert original.quality > 50
    assert distance(original, pdq(smaller)) <= 31
    assert distance(original, pdq(scene(2))) > 80


def test_a_plain_image_has_quality_zero():
    assert pdq(np.full((64, 64, 3), 255, np.uint8)).quality == 0


def test_one_pixel_can_be_hashed():
    assert pdq(np.zeros((1, 1, 3), np.uint8)).bits == "0" * 64


def test_sha256_file_hashes_the_bytes_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
