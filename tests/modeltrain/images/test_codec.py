"""Decoding in a child process, PNG files, and the hash of pixels."""

import sys

import numpy as np
import pytest
from PIL import Image

from modeltrain.images import codec
from modeltrain.images.codec import decode, decode_in_child, pixel_sha256, to_png
from modeltrain.images.decoder import DecodeError, Limits
from tests.modeltrain.images.files import decode_error, encoded, red_and_blue


def test_child_gives_the_same_pixels():
    data = encoded(red_and_blue("RGBA"))
    assert (decode_in_child(data) == decode(data)).all()


def test_child_reads_webp_and_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(red_and_blue(), "WEBP", lossless=True, exif=exif)
    assert decode_in_child(data).shape == (24, 16, 3)


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "empty"), (b"letter", "not_an_image"), (b"BMxx", "broken")]
)
def test_child_passes_on_its_error(data, code):
    error = decode_error(data, decode_in_child)
    assert error.code == code
    assert str(error) == str(decode_error(data, decode))


def test_child_refuses_an_image_that_needs_too_much_memory():
    big = encoded(Image.new("RGB", (6000, 6000)), compress_level=1)
    limits = Limits(memory_bytes=150 * 2**20)
    assert decode_error(big, decode_in_child, limits).code == "too_much_memory"


def test_child_is_killed_when_its_time_is_up():
    limits = Limits(seconds=0.001)
    assert decode_error(encoded(red_and_blue()), decode_in_child, limits).code == "too_slow"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os; os.abort()", "crashed"),
        ("raise SystemExit(3)", "crashed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "too_much_memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "too_slow"),
        ("print('[1, 2]')", "crashed"),
        ('print(\'{"width": 90000, "height": 90000}\')', "crashed"),
        ('print(\'{"width": 9, "height": 9}\')', "crashed"),
        ("while True: print('a' * 4000)", "too_slow"),
    ],
)
def test_a_child_that_crashes_or_lies_gives_a_decode_error(program, code):
    def decoder(data, *, limits):
        return codec._run_child([sys.executable, "-I", "-S", "-c", program], data, limits)

    seconds = 0.3 if "while" in program else 10
    assert decode_error(b"x" * 200_000, decoder, Limits(seconds=seconds)).code == code


def test_child_can_neither_write_files_nor_see_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEAKUP_SECRET", "s3cret")
    write = "from modeltrain.images import decoder; "
    write += f"decoder._confine(decoder.Limits()); f = open({str(tmp_path / 'x')!r}, 'wb'); "
    write += "f.write(b'x' * 9999); f.flush()"
    program = codec._CHILD_PROGRAM.replace(
        "from modeltrain.images.decoder import main; main(sys.argv[1])", write
    )
    site_packages = str(codec.Path(codec.PIL.__file__).parent.parent)
    project = str(codec.Path(codec.__file__).parents[2])
    command = [sys.executable, "-I", "-S", "-c", program, "{}", project, site_packages]
    with pytest.raises(DecodeError):
        codec._run_child(command, b"", Limits())
    assert (tmp_path / "x").stat().st_size == 0
    print_names = 'import os; print(\'{"code": "\' + str(sorted(os.environ)) + '
    print_names += '\'", "rule": "", "received": "", "remedy": ""}\')'
    with pytest.raises(DecodeError) as error:
        codec._run_child([sys.executable, "-I", "-S", "-c", print_names], b"", Limits())
    assert "SPEAKUP" not in error.value.code


def test_a_png_is_reproducible_and_holds_only_pixels():
    pixels = decode(encoded(red_and_blue()))
    assert to_png(pixels) == to_png(pixels.copy())
    chunks, data = [], to_png(pixels)[8:]
    while data:
        chunks.append(data[4:8])
        data = data[12 + int.from_bytes(data[:4], "big") :]
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_pixel_hash_depends_on_pixels_and_shape():
    pixels = decode(encoded(red_and_blue()))
    assert pixel_sha256(pixels) == pixel_sha256(decode(encoded(red_and_blue(), "BMP")))
    assert pixel_sha256(pixels) != pixel_sha256(pixels.reshape(24, 16, 3))
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert pixel_sha256(pixels) != pixel_sha256(changed)


def test_pixels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        to_png(np.zeros((4, 4), np.uint8))
