import numpy as np
import pytest

from bench.decoding_members import members
from modeltrain.images.codec import decode
from modeltrain.images.formats import jpeg
from modeltrain.images.formats.still import Damaged

FILES = {name: data for name, data in members().items() if name.startswith("JPEG")}
PLAIN = FILES["JPEG, plain"]


@pytest.mark.parametrize(
    "name",
    [
        "orientation in XMP alone",
        "stray bytes between segments",
        "stray bytes behind the second segment",
        "padding between segments",
        "segment with a length of 1",
        "words behind the end",
        "Photoshop resources",
    ],
)
def test_what_is_not_needed_changes_nothing(name):
    assert (decode(FILES[f"JPEG, {name}"]) == decode(PLAIN)).all()


@pytest.mark.parametrize("name", ["end marker missing", "last four bytes zero", "cut in half"])
def test_a_file_without_its_end_is_damaged(name):
    with pytest.raises(Damaged):
        jpeg.read(FILES[f"JPEG, {name}"])


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_turns(orientation):
    still = jpeg.read(FILES[f"JPEG, EXIF orientation {orientation}"])
    assert still.orientation == orientation


def test_the_first_exif_counts():
    assert jpeg.read(FILES["JPEG, two EXIF segments"]).orientation == 6


def test_a_grey_image_is_converted_from_a_profile_for_rgb():
    grey, expected = (
        decode(FILES[f"JPEG, grey{profile}"]) for profile in (" with an RGB profile", "")
    )
    assert 10 < np.abs(grey.astype(int) - expected).max() < 30
    assert np.abs(grey.astype(int) - decode(FILES["JPEG, grey with a grey profile"])).max() <= 1


def test_a_profile_for_inks_is_ignored():
    assert (decode(FILES["JPEG, CMYK with a CMYK profile"]) == decode(FILES["JPEG, CMYK"])).all()


def test_a_profile_that_lacks_a_part_is_ignored():
    assert jpeg.read(FILES["JPEG, profile in parts, one missing"]).profile is None
    assert jpeg.read(FILES["JPEG, wide RGB profile"]).profile
