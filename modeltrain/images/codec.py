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
    broken_file_error,
    limits_to_json,
    open_rgb,
    too_much_memory_error,
    too_slow_error,
)

__all__ = [
    "DecodeError",
    "Limits",
    "decode",
    "decode_in_child",
    "erasable_name",
    "pixel_sha256",
    "to_png",
]

Pixels = NDArray[np.uint8]

_DEFAULT_LIMITS = Limits()
_MAX_HEADER_BYTES = 4096
_KILLED_BY_CPU_LIMIT = -24  # SIGXCPU
_KILLED = -9  # SIGKILL: from the kernel, for memory; `timed_out` marks our own kills
_CHILD_PROGRAM = (
    "import sys; sys.path += sys.argv[2:]; "
    "from modeltrain.images.decoder import main; main(sys.argv[1])"
)


def decode(data: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> Pixels:
    """Decode one still JPEG, PNG, WebP, GIF or BMP file in this process.

    For files that this program wrote or that came from a package. Files from strangers go through
    `decode_in_child`, which also limits time and memory.

    Parameters
    ----------
    data : bytes
        The whole file.
    limits : Limits
        Only bytes and pixels are enforced, not seconds and memory.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]
        sRGB, upright, on white where the image is transparent.

    Raises
    ------
    DecodeError
        When the file is not an acceptable image or exceeds a limit.
    """
    return np.array(open_rgb(data, limits=limits), dtype=np.uint8)


def decode_in_child(data: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> Pixels:
    """Decode one still image in a fresh process under memory, CPU, file and time limits.

    The child inherits no environment, cannot write files, and is killed when its time is up. A flaw
    in a decoder can crash the child, never the caller.

    Parameters
    ----------
    data : bytes
        The whole file, from a stranger.
    limits : Limits
        All of them are enforced.

    Returns
    -------
    numpy.ndarray of uint8, shape [height, width, 3]
        The same pixels that `decode` returns.

    Raises
    ------
    DecodeError
        Also when the child crashes, is too slow, or runs out of memory.
    """
    if len(data) > limits.max_bytes:  # refuse it here, without starting a process
        open_rgb(data, limits=limits)
    site_packages = str(Path(PIL.__file__).resolve().parent.parent)
    project = str(Path(__file__).resolve().parents[2])
    interpreter = [sys.executable, "-I", "-S", "-B", "-c", _CHILD_PROGRAM]
    command = [*interpreter, limits_to_json(limits), project, site_packages]
    return _run_child(command, data, limits)


def _run_child(command: Sequence[str], data: bytes, limits: Limits) -> Pixels:
    """Run the child, feed it the file, and read at most one image within the limits."""
    timed_out = threading.Event()
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        close_fds=True,
    ) as child:

        def kill_late_child() -> None:
            timed_out.set()
            child.kill()

        timer = threading.Timer(limits.seconds, kill_late_child)
        feeder = threading.Thread(target=_feed, args=(child, data), daemon=True)
        timer.start()
        feeder.start()
        try:
            pixels = _read(child, limits)
            status = child.poll()
        finally:
            child.kill()  # harmless once it has exited; stops a child that keeps writing
            child.wait()
            timer.cancel()
            feeder.join()
    if pixels is not None:
        return pixels
    if timed_out.is_set() or status == _KILLED_BY_CPU_LIMIT:
        raise too_slow_error(limits)
    raise too_much_memory_error(limits) if status == _KILLED else _crash_error()


def _crash_error() -> DecodeError:
    error = broken_file_error("a file that the decoder could not survive")
    return DecodeError("crashed", error.rule, error.received, error.remedy)


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(data)
        child.stdin.close()
    except OSError:  # the child exited before reading everything; its output decides
        pass


def _read(child: subprocess.Popen[bytes], limits: Limits) -> Pixels | None:
    """Return the child's pixels, raise its refusal, or return None if it wrote neither."""
    assert child.stdout is not None
    try:
        header = json.loads(child.stdout.readline(_MAX_HEADER_BYTES))
        if "code" in header:
            raise DecodeError(*(str(header[key]) for key in ("code", "rule", "received", "remedy")))
        height, width = int(header["height"]), int(header["width"])
    except DecodeError:
        raise
    except (ValueError, KeyError, TypeError):
        child.wait()  # it has exited or the timer kills it; the exit status then says why
        return None
    if height < 1 or width < 1 or height * width > limits.max_pixels:
        return None
    pixels: Pixels = np.empty((height, width, 3), dtype=np.uint8)
    if child.stdout.readinto(pixels.reshape(-1)) != pixels.size:  # type: ignore[attr-defined]
        child.wait()
        return None
    return pixels


def to_png(pixels: Pixels) -> bytes:
    """Encode pixels as a PNG file without metadata; the same pixels always give the same bytes.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    file = io.BytesIO()
    Image.fromarray(_checked(pixels)).save(file, format="PNG", compress_level=6)
    return file.getvalue()


def pixel_sha256(pixels: Pixels) -> str:
    """Return the identity of an image: SHA-256 over its width, its height and its RGB bytes.

    Width and height are 8 bytes each, big-endian; then come the rows from the top, 3 bytes per
    pixel. The same pixels in another file format, or with other metadata, are the same image.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    """
    height, width, _ = _checked(pixels).shape
    digest = hashlib.sha256(width.to_bytes(8, "big") + height.to_bytes(8, "big"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def erasable_name(file: Path, sha256: str) -> str:
    """Return a name for an image that may have to be erased, to use in place of its pixel hash.

    The name depends on the file's random name. Once that is deleted, nobody can tell which image
    the name stood for, not even someone who has the image, so a manifest with the name can stay
    unchanged.

    Parameters
    ----------
    file : pathlib.Path
        Where the image is stored. Only the stem of the file name is used, which must be random.
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
