import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from modeltrain.images.blocklist import (
    Blocklist,
    MalformedHash,
    dihedral_hashes,
    hashes_to_block,
    parse_line,
)
from modeltrain.images.hashing import Pdq, distance
from tests.conftest import noise


def drawn_image(seed=0, size=(130, 90)):
    return Image.fromarray(noise(seed, size))


def heavily_compressed(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def is_blocked(image, blocklist):
    return blocklist.matches(dihedral_hashes(np.asarray(image)))


@pytest.mark.parametrize("orientation", list(Image.Transpose))
def test_a_rotated_or_mirrored_image_has_a_hash_equal_to_the_original(orientation):
    original = dihedral_hashes(np.asarray(drawn_image()))[0]
    hashes = dihedral_hashes(np.asarray(drawn_image().transpose(orientation)))
    assert min(distance(original, copy) for copy in hashes) == 0


@pytest.mark.parametrize("change", [lambda image: image.resize((65, 45)), ImageOps.mirror])
def test_a_copy_is_blocked_by_a_single_hash(change):
    blocklist = Blocklist([dihedral_hashes(np.asarray(drawn_image()))[0].bits])
    assert is_blocked(change(drawn_image()), blocklist)
    assert not is_blocked(change(drawn_image(1)), blocklist)


@pytest.mark.parametrize(
    "change", [heavily_compressed, lambda image: ImageEnhance.Brightness(image).enhance(1.3)]
)
def test_more_copies_are_blocked_when_the_image_itself_is_available(change):
    blocklist = Blocklist(hashes_to_block(np.asarray(drawn_image())))
    assert is_blocked(ImageOps.mirror(change(drawn_image())), blocklist)
    assert not is_blocked(change(drawn_image(1)), blocklist)


def test_the_first_hash_to_block_is_that_of_the_image_itself():
    hashes = hashes_to_block(np.asarray(drawn_image()))
    assert hashes[0] == dihedral_hashes(np.asarray(drawn_image()))[0].bits
    assert 1 < len(set(hashes)) <= 5


def test_a_plain_image_has_no_hashes_and_is_not_blocked():
    white = np.full((64, 64, 3), 255, np.uint8)
    assert (hashes_to_block(white), dihedral_hashes(white)) == ([], [])
    assert not Blocklist(["0" * 64]).matches([])


def test_hashes_match_up_to_thirty_one_bits():
    blocklist = Blocklist(["0" * 64])
    assert blocklist.matches([Pdq(f"{2**31 - 1:064x}", 100)])
    assert not blocklist.matches([Pdq(f"{2**32 - 1:064x}", 100)])
    assert not Blocklist([]).matches([Pdq("0" * 64, 100)])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A" * 64 + "\n", ("a" * 64, None)),
        (f"{'a' * 64},97", ("a" * 64, 97)),
        (f"{'a' * 64},97,some/file.jpg", ("a" * 64, 97)),
        (f"{'a' * 64}  # a comment", ("a" * 64, None)),
        ("hash,quality", None),
        ("# a comment", None),
        ("", None),
    ],
)
def test_a_line_of_a_hash_list_is_parsed(line, expected):
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    ("line", "received"),
    [
        ("a" * 63, "a" * 63),
        ("g" * 64, "g" * 64),
        (f"{'a' * 64},101", "'101'"),
        (f"{'a' * 64},good", "'good'"),
        ("x" * 1_000_000, f"'{'x' * 80}'."),
    ],
)
def test_a_malformed_line_is_refused_with_what_was_received(line, received):
    with pytest.raises(MalformedHash) as error:
        parse_line(line)
    assert received in str(error.value)
    assert len(str(error.value)) < 200
