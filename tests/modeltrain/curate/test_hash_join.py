"""The join finds exactly the pairs that comparing all with all finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeltrain.curate.hash_join import pairs


def hashes(count, *, near, seed=0):
    """Random hashes, some of them others with up to 40 bits changed."""
    random = np.random.default_rng(seed)
    out = random.integers(0, 256, (count, 32), dtype=np.uint8)
    for at in range(near):
        bits = np.unpackbits(out[at])
        bits[random.choice(256, random.integers(1, 41), replace=False)] ^= 1
        out[count - 1 - at] = np.packbits(bits)
    return out


def all_with_all(values, within):
    distances = np.bitwise_count(values[:, None] ^ values[None]).sum(axis=2)
    one, other = np.nonzero(distances <= within)
    return {(a, b, distances[a, b]) for a, b in zip(one, other, strict=True) if a < b}


@pytest.mark.parametrize("within", [0, 5, 31])
def test_it_finds_what_comparing_all_with_all_finds(within):
    values = hashes(1500, near=400)
    found = {tuple(map(int, row)) for row in pairs(values, within=within)}
    assert found == all_with_all(values, within)
    assert len(found) > 0 or within == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=31, max_size=31, unique=True))
def test_two_hashes_31_bits_apart_are_found_wherever_the_bits_are(bits):
    one = np.zeros(256, dtype=np.uint8)
    other = one.copy()
    other[bits] = 1
    values = np.stack([np.packbits(one), np.packbits(other)])
    assert pairs(values).tolist() == [[0, 1, 31]]


def test_equal_hashes_are_paired_with_the_first_of_them_only():
    values = np.repeat(hashes(1, near=0), 20_000, axis=0)
    found = pairs(values)
    assert len(found) == 19_999
    assert (found[:, 0] == 0).all()
    assert (found[:, 2] == 0).all()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_hashes_have_no_pairs(count):
    assert pairs(hashes(count, near=0)).shape == (0, 3)


def test_more_bits_than_are_exact_are_refused():
    with pytest.raises(ValueError, match=r"0 to 31 bits\. Received: 32"):
        pairs(hashes(2, near=0), within=32)
