import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from modeltrain.images.blocklist import Blocklist, MalformedHash, parse, to_block, views
from modeltrain.images.hashing import Pdq, distance
from tests.conftest import noise


def picture(seed=0, size=(130, 90)):
    return Image.fromarray(noise(seed, size))


def stored_badly(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=30)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def stopped(image, *, by):
    return by.holds(views(np.asarray(image)))


@pytest.mark.parametrize("way", list(Image.Transpose))
def test_turned_and_mirrored_it_is_known_by_the_very_same_bits(way):
    one = views(np.asarray(picture()))[0]
    assert min(distance(one, view) for view in views(np.asarray(picture().transpose(way)))) == 0


@pytest.mark.parametrize("change", [lambda image: image.resize((65, 45)), ImageOps.mirror])
def test_a_copy_is_stopped_by_the_one_hash_of_a_list(change):
    by = Blocklist([views(np.asarray(picture()))[0].bits])
    assert stopped(change(picture()), by=by)
    assert not stopped(change(picture(1)), by=by)


@pytest.mark.parametrize(
    "change", [stored_badly, lambda image: ImageEnhance.Brightness(image).enhance(1.3)]
)
def test_more_copies_are_stopped_of_a_picture_that_is_here(change):
    by = Blocklist(to_block(np.asarray(picture())))
    assert stopped(ImageOps.mirror(change(picture())), by=by)
    assert not stopped(change(picture(1)), by=by)


def test_the_first_hash_of_a_picture_is_its_own():
    hashes = to_block(np.asarray(picture()))
    assert hashes[0] == views(np.asarray(picture()))[0].bits
    assert 1 < len(set(hashes)) <= 5


def test_a_plain_picture_is_neither_blocked_nor_stopped():
    white = np.full((64, 64, 3), 255, np.uint8)
    assert (to_block(white), views(white)) == ([], [])
    assert not Blocklist(["0" * 64]).holds([])


def test_thirty_one_bits_are_the_same_and_thirty_two_are_not():
    nothing = Blocklist(["0" * 64])
    assert nothing.holds([Pdq(f"{2**31 - 1:064x}", 100)])
    assert not nothing.holds([Pdq(f"{2**32 - 1:064x}", 100)])
    assert not Blocklist([]).holds([Pdq("0" * 64, 100)])


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
def test_a_line_of_a_list_is_read(line, expected):
    assert parse(line) == expected


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
def test_a_malformed_line_is_refused_with_its_value(line, received):
    with pytest.raises(MalformedHash) as refused:
        parse(line)
    assert received in str(refused.value)
    assert len(str(refused.value)) < 200
