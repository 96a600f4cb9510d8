import pytest

from bench.image_files import profile
from modeltrain.images.formats.profile import is_usable, with_class


@pytest.mark.parametrize("space", ["sRGB", "wide", "L", "CMYK"])
def test_a_whole_profile_is_used(space):
    assert is_usable(profile(space))


@pytest.mark.parametrize(
    ("at", "what"),
    [
        (1, "more bytes than there are"),
        (8, "a version that does not exist"),
        (20, "unknown coordinates"),
        (36, "no signature"),
        (69, "another white"),
        (131, "more entries than there are"),
        (137, "an entry behind the end"),
    ],
)
def test_a_profile_with_a_wrong_header_is_not(at, what):
    changed = bytearray(profile("wide"))
    changed[at] = 0xC0
    assert not is_usable(bytes(changed)), what


def test_a_profile_of_nothing_counts_as_one_of_a_display():
    whole = profile("wide")
    assert with_class(whole) == whole
    assert with_class(whole[:12] + b"none" + whole[16:]) == whole


def test_a_part_of_a_profile_is_not():
    assert not is_usable(profile("wide")[:100])
