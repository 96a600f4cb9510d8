"""The join finds exactly the pairs that comparing every pair finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeltrain.curate.hash_join import pairs


def hashes(count, *, near, seed=0):
    """Random hashes; the last `near` are copies of others with up to 40 bits changed."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (count, 32), dtype=np.uint8)
    for index in range(near):
        bits = np.unpackbits(values[index])
        bits[random.choice(256, random.integers(1, 41), replace=False)] ^= 1
        values[count - 1 - index] = np.packbits(bits)
    return values


def compare_every_pair(values, max_bits):
    distances = np.bitwise_count(values[:, None] ^ values[None]).sum(axis=2)
    first, second = np.nonzero(distances <= max_bits)
    return {(a, b, distances[a, b]) for a, b in zip(first, second, strict=True) if a < b}


@pytest.mark.parametrize("max_bits", [0, 5, 31])
def test_the_join_finds_what_comparing_every_pair_finds(max_bits):
    values = hashes(1500, near=400)
    joined = {tuple(map(int, row)) for row in pairs(values, max_bits=max_bits)}
    assert joined == compare_every_pair(values, max_bits)
    assert len(joined) > 0 or max_bits == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=31, max_size=31, unique=True))
def test_two_hashes_31_bits_apart_are_found_wherever_the_bits_are(bits):
    original = np.zeros(256, dtype=np.uint8)
    changed = original.copy()
    changed[bits] = 1
    values = np.stack([np.packbits(original), np.packbits(changed)])
    assert pairs(values).tolist() == [[0, 1, 31]]


def test_equal_hashes_are_paired_only_with_the_first_of_them():
    values = np.repeat(hashes(1, near=0), 20_000, axis=0)
    joined = pairs(values)
    assert len(joined) == 19_999
    assert (joined[:, 0] == 0).all()
    assert (joined[:, 2] == 0).all()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_hashes_have_no_pairs(count):
    assert pairs(hashes(count, near=0)).shape == (0, 3)


def test_more_than_31_bits_are_refused():
    with pytest.raises(ValueError, match=r"0 to 31 bits\. Received: 32"):
        pairs(hashes(2, near=0), max_bits=32)
