"""Images in: untrusted files become uint8 RGB pixels. Images out: PNG files without metadata."""

import hashlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from modeltrain.images.decoder import (
    DecodeError,
    Limits,
    broken,
    limits_to_json,
    open_rgb,
    too_much_memory,
    too_slow,
)

__all__ = [
    "DecodeError",
    "Limits",
    "decode",
    "decode_in_child",
    "passing_name",
    "pixel_sha256",
    "to_png",
]

Pixels = NDArray[np.uint8]

_DEFAULT = Limits()
_LONGEST_HEADER = 4096
_KILLED_BY_CPU_LIMIT = -24  # SIGXCPU
_KILLED = -9  # SIGKILL: by the kernel, for memory; our own kill is known by the clock
_BOOT = (
    "import sys; sys.path += sys.argv[2:]; "
    "from modeltrain.images.decoder import main; main(sys.argv[1])"
)


def decode(data: bytes, *, limits: Limits = _DEFAULT) -> Pixels:
    """Decode one still JPEG, PNG, WebP, GIF or BMP file in this process.

    For files that this program made or that came from a package. What a stranger sent goes through
    `decode_in_child`, which also holds time and memory.

    Parameters
    ----------
    data : bytes
        The whole file.
    limits : Limits
        Bytes and pixels are held; seconds and memory are not.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]
        sRGB, upright, on white where the image is transparent.

    Raises
    ------
    DecodeError
    """
    return np.array(open_rgb(data, limits=limits), dtype=np.uint8)


def decode_in_child(data: bytes, *, limits: Limits = _DEFAULT) -> Pixels:
    """Decode one still image in a fresh process under memory, CPU, file and time limits.

    The child inherits no environment, opens no file to write, and is killed when its time is up. A
    flaw in a decoder can cost the child, never the caller.

    Parameters
    ----------
    data : bytes
        The whole file, from a stranger.
    limits : Limits
        All of them are held.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]
        As `decode` returns it.

    Raises
    ------
    DecodeError
        Also when the child crashed (`crashed`), was too slow, or ran out of memory.
    """
    if len(data) > limits.max_bytes:  # refused here, without a process
        open_rgb(data, limits=limits)
    site = str(Path(PIL.__file__).resolve().parent.parent)
    here = str(Path(__file__).resolve().parents[2])
    boot = [sys.executable, "-I", "-S", "-B", "-c", _BOOT, limits_to_json(limits), here, site]
    return _ask(boot, data, limits)


def _ask(command: Sequence[str], data: bytes, limits: Limits) -> Pixels:
    """Run the child, feed it, and read no more from it than an image within the limits has."""
    timed_out = threading.Event()
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        close_fds=True,
    ) as child:

        def stop() -> None:
            timed_out.set()
            child.kill()

        clock = threading.Timer(limits.seconds, stop)
        feeder = threading.Thread(target=_feed, args=(child, data), daemon=True)
        clock.start()
        feeder.start()
        try:
            pixels = _read(child, limits)
            status = child.poll()
        finally:
            child.kill()  # harmless once it has ended; ends a child that keeps talking
            child.wait()
            clock.cancel()
            feeder.join()
    if pixels is not None:
        return pixels
    if timed_out.is_set() or status == _KILLED_BY_CPU_LIMIT:
        raise too_slow(limits)
    raise too_much_memory(limits) if status == _KILLED else _crashed()


def _crashed() -> DecodeError:
    what = broken("a file that the decoder could not survive")
    return DecodeError("crashed", what.rule, what.received, what.remedy)


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(data)
        child.stdin.close()
    except OSError:  # it ended before it had read everything; what it said decides
        pass


def _read(child: subprocess.Popen[bytes], limits: Limits) -> Pixels | None:
    """Return the child's pixels, raise its refusal, or return None where it said neither."""
    assert child.stdout is not None
    try:
        header = json.loads(child.stdout.readline(_LONGEST_HEADER))
        if "code" in header:
            raise DecodeError(*(str(header[k]) for k in ("code", "rule", "received", "remedy")))
        height, width = int(header["height"]), int(header["width"])
    except DecodeError:
        raise
    except (ValueError, KeyError, TypeError):
        child.wait()  # it ended, or the clock ends it: then the exit status says why
        return None
    if height < 1 or width < 1 or height * width > limits.max_pixels:
        return None
    pixels: Pixels = np.empty((height, width, 3), dtype=np.uint8)
    if child.stdout.readinto(pixels.reshape(-1)) != pixels.size:  # type: ignore[attr-defined]
        child.wait()
        return None
    return pixels


def to_png(pixels: Pixels) -> bytes:
    """Encode pixels as a PNG file that holds nothing else: no metadata, the same bytes each time.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    out = io.BytesIO()
    Image.fromarray(_checked(pixels)).save(out, format="PNG", compress_level=6)
    return out.getvalue()


def pixel_sha256(pixels: Pixels) -> str:
    """Return the identity of an image: SHA-256 over its width, its height and its RGB bytes.

    Width and height are 8 bytes each, big-endian; then the rows from the top, 3 bytes a pixel. The
    same picture in another file format, or with other metadata, is the same image.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    height, width, _ = _checked(pixels).shape
    digest = hashlib.sha256(width.to_bytes(8, "big") + height.to_bytes(8, "big"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def passing_name(file: Path, sha256: str) -> str:
    """Return a name for an image that may have to be erased, to stand in place of its hash.

    Once the file and its own random name are gone, nobody can tell which image was called so, not
    even who has it: a manifest that names it may stay as it is.

    Parameters
    ----------
    file : pathlib.Path
        Where the image is kept. Only its last part without the suffix counts, which must be random.
    sha256 : str
        `pixel_sha256` of the image.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(f"{file.stem} {sha256}".encode()).hexdigest()


def _checked(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            "Pixels must be uint8 of shape [height, width, 3]. "
            f"Received: {pixels.dtype} of shape {list(pixels.shape)}. Decode the image first."
        )
    return pixels
