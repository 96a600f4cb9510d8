import io

import numpy as np
import pytest
from PIL import Image

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


def saved(mode: str, size: tuple[int, int], **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "subsampling", "expected"),
    [
        # Two blocks across and one down; then pixels of four bytes, of one in grey.
        ("RGB", "4:4:4", 2 * 3 * 128 + 10 * 8 * 4),
        ("CMYK", "4:4:4", 2 * 4 * 128 + 10 * 8 * 4),
        ("L", "4:4:4", 2 * 128 + 10 * 8),
        # One unit of four blocks of grey and one of each colour.
        ("RGB", "4:2:0", 6 * 128 + 10 * 8 * 4),
    ],
)
def test_a_progressive_file_needs_its_coefficients_and_its_pixels(mode, subsampling, expected):
    data = saved(mode, (10, 8), progressive=True, subsampling=subsampling)
    assert jpeg.read(data).decoder_bytes == expected


def test_a_file_of_one_scan_is_decoded_row_by_row():
    assert jpeg.read(saved("RGB", (10, 8))).decoder_bytes == 0


def test_channels_in_scans_of_their_own_are_kept_like_progressive_ones():
    """Cut in the header of the scan: what follows is not decoded here."""
    data = bytearray(saved("RGB", (10, 8)))
    scan = data.index(b"\xff\xda")
    data[scan : scan + 14] = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    others = b"".join(b"\xff\xda\x00\x08\x01%c\x11\x00\x3f\x00\x00" % n for n in (2, 3))
    data[-2:] = others + data[-2:]
    assert jpeg.read(bytes(data)).decoder_bytes > 0


def test_sampling_factors_of_0_are_damage():
    data = bytearray(saved("RGB", (10, 8), progressive=True))
    data[data.index(b"\xff\xc2") + 11] = 0
    with pytest.raises(Damaged):
        jpeg.read(bytes(data))
