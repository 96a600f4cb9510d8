"""Turn the bytes of one image file into upright sRGB pixels, or refuse the file and say why.

Pillow alone, without numpy, so that a decoding process (`child`) starts fast.
"""

import io
import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from PIL import Image, ImageCms, UnidentifiedImageError

from modeltrain.images.formats import bmp, gif, jpeg, png
from modeltrain.images.formats.header import Header, format_of, read_header
from modeltrain.images.formats.profile import is_usable, with_class
from modeltrain.images.formats.still import Damaged, Still

MIB = 2**20

# A header that claims a huge image is an error, not a line in a log.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Limits:
    """What one image may cost: sizes in bytes and pixels, time in seconds.

    An image is turned upright by its orientation, unless `upright` is False.

    Processor time limits the image. The wall clock only guards against a machine that gives the
    image no processor time: an image that runs out of it is not refused but tried again.
    """

    max_bytes: int = 15 * MIB
    max_pixels: int = 40_000_000
    max_webp_pixels: int = 16_000_000  # its decoder needs four times the memory of others
    max_decoder_bytes: int = 270_000_000  # of a JPEG file that is decoded only as a whole
    kept_pixels: int = 4_000_000  # what is left of larger images for all that follows
    max_side: int = 20_000
    cpu_seconds: int = 5
    wall_seconds: float = 25
    upright: bool = True
    memory_bytes: int = 1024 * MIB


UNATTENDED_LIMITS = Limits(wall_seconds=300)  # where nobody waits for the image


class DecodeError(ValueError):
    """An image was refused.

    Attributes
    ----------
    code : str
        One of `empty`, `too_many_bytes`, `not_an_image`, `unsupported_format`, `too_many_pixels`,
        `too_long`, `animated`, `broken`, `too_slow`, `too_much_memory`, `crashed`.
    rule, received, remedy : str
        What is allowed, what was received, and what to do.
    """

    def __init__(self, code: str, rule: str, received: str, remedy: str) -> None:
        self.code = code
        self.rule = rule
        self.received = received
        self.remedy = remedy
        super().__init__(f"{rule} Received: {received}. {remedy}")

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str, str, str]]:
        return type(self), (self.code, self.rule, self.received, self.remedy)


class MachineBusy(TimeoutError):
    """The machine gave an image no processor time. This says nothing about the image: try again.

    Parameters
    ----------
    seconds : float
        How long it waited.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"An image must be read within {seconds:g} seconds. "
            "Received: too little processor time on a busy machine. Try again later."
        )


_ACCEPTED = "An image must be a JPEG, PNG, WebP, GIF, BMP, HEIC or AVIF file."
_CAGED_FORMATS = ("HEIF", "AVIF")  # read for strangers alone
_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}  # where Pillow's are not those of the formats
_STILLS = {"JPEG": jpeg.read, "PNG": png.read, "GIF": gif.read}
_ORIENTATION = 0x0112
_SAVE_AS = "Save it as JPEG or PNG and send that."
_ONE_FRAME = "Send one frame of it."
_SEND_IMAGE = "Send the image itself."
_REMEDIES = {"a video": _ONE_FRAME, "a ZIP archive": _SEND_IMAGE, "a web page": _SEND_IMAGE}
_WHOLE = "An image file must be whole and readable."
_SMALLER = "Make it smaller and send it again."


def broken_file_error(detail: str) -> DecodeError:
    """Refuse a file that starts like an image but cannot be read."""
    return DecodeError("broken", _WHOLE, detail, "Export it again and send the new file.")


def too_slow_error(limits: Limits) -> DecodeError:
    """Refuse an image that takes too long to read."""
    return DecodeError(
        "too_slow",
        f"An image must be readable in {limits.cpu_seconds} seconds of processor time.",
        "one that takes longer",
        _SMALLER,
    )


def too_much_memory_error(limits: Limits) -> DecodeError:
    """Refuse an image that needs too much memory to read."""
    return DecodeError(
        "too_much_memory",
        f"An image must be readable in {limits.memory_bytes / MIB:.0f} MiB of memory.",
        "one that needs more",
        _SMALLER,
    )


def too_many_bytes_error(limits: Limits, size: int) -> DecodeError:
    """Refuse a file that is too large, by its size in bytes alone."""
    rule = f"An image must be at most {limits.max_bytes / MIB:g} MiB."
    return DecodeError("too_many_bytes", rule, f"{size / MIB:.1f} MiB", _SMALLER)


def _too_many_scans_error(limits: Limits, still: Still) -> DecodeError:
    """Refuse a large JPEG file of several scans: each coefficient is kept until the last one."""
    return DecodeError(
        "too_much_memory",
        "A progressive JPEG file must be readable in "
        f"{limits.max_decoder_bytes / MIB:.0f} MiB of memory.",
        f"one that needs {still.decoder_bytes / MIB:.0f} MiB",
        "Save it without “progressive”, or make it smaller, and send it again.",
    )


def _too_long_error(limits: Limits, received: str) -> DecodeError:
    """Refuse a very long, thin image: it has few bytes but takes minutes to resize."""
    rule = f"An image must be at most {limits.max_side:,} pixels wide and high."
    return DecodeError("too_long", rule, received, _SMALLER)


def _too_many_pixels_error(max_pixels: int, received: str, kind: str = "") -> DecodeError:
    rule = f"{kind or 'An'} image must have at most {max_pixels / 1e6:g} million pixels."
    return DecodeError("too_many_pixels", rule, received, _SMALLER)


def _refuse_format(data: bytes, kind: str | None) -> NoReturn:
    """Name the most common formats that are not accepted, so that the remedy is clear."""
    if kind:
        raise DecodeError("not_an_image", _ACCEPTED, _file(kind), _SAVE_AS)
    signatures = {
        "a TIFF file": data[:4] in (b"II*\0", b"MM\0*"),
        "a PDF file": data.startswith(b"%PDF"),
        "an SVG file": b"<svg" in data[:4096].lower(),
        "an icon file": data[:4] == b"\0\0\1\0",
        "a JPEG 2000 file": data[4:8] == b"jP  ",
        "a JPEG XL file": data.startswith(b"\xff\x0a") or data[4:8] == b"JXL ",
        "a Photoshop file": data.startswith(b"8BPS"),
        "a video": data[4:8] == b"ftyp" or data.startswith(b"\x1aE\xdf\xa3"),
        "a ZIP archive": data.startswith(b"PK\3\4"),
        "a web page": b"<html" in data[:4096].lower(),
    }
    for name, matches in signatures.items():
        if matches:
            remedy = _REMEDIES.get(name, _SAVE_AS)
            raise DecodeError("unsupported_format", _ACCEPTED, name, remedy)
    raise DecodeError("not_an_image", _ACCEPTED, "a file that is none of these", _SEND_IMAGE)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Take the high byte of 16-bit grey, as Pillow and browsers do for 16-bit colour.

    `convert("L")` clips or drops the low byte depending on the mode, so this uses a lookup table.
    """
    levels = [value >> 8 for value in range(65536)]
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and 0 <= transparent < 65536:
        levels[transparent] = 255
    grey = image.convert("I").point(levels, "L")
    grey.info = {"icc_profile": image.info.get("icc_profile")}
    return grey


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert from the embedded colour profile to sRGB, as Chromium does.

    A profile for RGB is used for grey images, too. One for grey or inks is ignored where it does
    not fit, and any that cannot be used.
    """
    if profile and is_usable(profile):
        if image.mode == "L" and profile[_SPACE] == b"RGB ":
            image = image.convert("RGB")
        try:
            return _transform(profile, image.mode).apply(image)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


_SPACE = slice(16, 20)  # where a profile names its colours


@lru_cache(maxsize=1)  # for the strips of an image
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(with_class(profile)))
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsTransform(source, target, mode, "RGB")


def _rgb_on_white(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB, with transparent areas on white."""
    if image.mode.startswith("I"):
        image = _to_eight_bits(image)
    profile = image.info.get("icc_profile")
    alpha = None
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA" if grey else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if grey else "RGB")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    image = _to_srgb(image, profile)
    if alpha is not None:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    return image


_STRIP_PIXELS = 2**20
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> int:
    """Return the orientation of a HEIC or AVIF file, 1 to 8; 1 if there is none."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # EXIF is a whole TIFF file; a broken one must not make the image unreadable
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _upright_rgb(image: Image.Image, orientation: int) -> Image.Image:
    rgb = _rgb_on_white(image)
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def _upright_rgb_shrunk(image: Image.Image, orientation: int, factor: int) -> Image.Image:
    """Do as `_upright_rgb`, then average squares of pixels; in strips, to save memory."""
    is_on_its_side, is_from_the_end = orientation > 4, orientation in (3, 4, 7, 8)
    width, height = image.size[::-1] if is_on_its_side else image.size
    shrunk = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
    rows = factor * max(1, _STRIP_PIXELS // (factor * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        start, end = (height - bottom, height - top) if is_from_the_end else (top, bottom)
        box = (start, 0, end, width) if is_on_its_side else (0, start, width, end)
        strip = _rgb_on_white(image.crop(box))
        if orientation in _UPRIGHT:
            strip = strip.transpose(_UPRIGHT[orientation])
        shrunk.paste(strip.reduce(factor), (0, top // factor))
    return shrunk


def _factor(width: int, height: int, kept_pixels: int) -> int:
    """Return the side of the squares to average so that no more than these pixels are left."""
    factor = 1
    while math.ceil(width / factor) * math.ceil(height / factor) > kept_pixels:
        factor += 1
    return factor


def open_rgb(data: bytes, *, limits: Limits, caged: bool = False) -> Image.Image:
    """Decode one still image.

    Parameters
    ----------
    data : bytes
        The whole file.
    limits : Limits
        Bytes and pixels are checked here, from the header, before anything is decoded. Time and
        memory are enforced by the child process.
    caged : bool
        Whether this is a child in the cage, for a stranger's image. It reads HEIC and AVIF as well.
        An image of more than `limits.kept_pixels` is made smaller, by averaging squares of 2 by 2
        pixels, or 3 by 3, as many as it takes. `pixels.js` does the same in browsers.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, 8 bits, sRGB, turned upright by its EXIF orientation, on white where transparent:
        what Chromium shows.

    Raises
    ------
    DecodeError
        For every file that does not give such an image; no other exception escapes.
    """
    if not data:
        raise DecodeError("empty", "An image file must not be empty.", "0 bytes", "Choose a file.")
    if len(data) > limits.max_bytes:
        raise too_many_bytes_error(limits, len(data))
    kind = format_of(data)
    if kind is None or (kind in _CAGED_FORMATS and not caged):
        _refuse_format(data, kind)
    try:
        if header := _header(kind, data):
            _check_size(kind, header, limits)
        image, orientation = _open(kind, data, limits)
        orientation = orientation if limits.upright else 1
        factor = _factor(*image.size, limits.kept_pixels) if caged else 1
        if factor == 1:
            return _upright_rgb(image, orientation)
        return _upright_rgb_shrunk(image, orientation, factor)
    except DecodeError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        received = f"more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
        raise _too_many_pixels_error(limits.max_pixels, received) from None
    except MemoryError:
        raise too_much_memory_error(limits) from None
    except UnidentifiedImageError:
        raise broken_file_error(f"{_file(kind)} with a damaged start") from None
    except Exception:  # Pillow's readers raise almost anything on damaged input
        raise broken_file_error(_file(kind, "damaged or cut-off ")) from None


def _file(kind: str, state: str = "") -> str:
    """A file of a format, with its article: a PNG file, an AVIF file, a damaged AVIF file."""
    text = f"{state}{_NAMES.get(kind, kind)} file"
    return f"{'an' if text.startswith('A') else 'a'} {text}"


def _header(kind: str, data: bytes) -> Header | None:
    try:
        return read_header(kind, data)
    except Damaged:
        raise broken_file_error(f"{_file(kind)} with a damaged start") from None


def _check_size(kind: str, header: Header, limits: Limits) -> None:
    width, height = header.width, header.height
    received = f"{width} × {height}"
    if width * height > limits.max_pixels:
        raise _too_many_pixels_error(limits.max_pixels, received)
    if kind == "WEBP" and width * height > limits.max_webp_pixels:
        raise _too_many_pixels_error(limits.max_webp_pixels, received, "A WebP")
    if max(width, height) > limits.max_side:
        raise _too_long_error(limits, received)
    if header.animated:
        raise DecodeError("animated", "An image must not be animated.", "an animation", _ONE_FRAME)


def _open(kind: str, data: bytes, limits: Limits) -> tuple[Image.Image, int]:
    """Decode a file as it is stored; return its pixels, and its orientation by EXIF."""
    if kind == "BMP":
        return bmp.decode(data), 1
    still = _STILLS[kind](data) if kind in _STILLS else Still(data)
    if still.decoder_bytes > limits.max_decoder_bytes:
        raise _too_many_scans_error(limits, still)
    try:
        image = _load(kind, still.file, limits)
    except OSError:
        if kind != "PNG":
            raise
        image = _load(kind, png.without_checksum(still.file), limits)
    if kind == "PNG" and _may_lack_rows(image) and not png.is_complete(still.file):
        raise Damaged("pixels are missing")
    if kind in _STILLS:
        image.info["icc_profile"] = still.profile
    if still.canvas not in (None, image.size):
        canvas = Image.new("RGB", still.canvas, "white")
        canvas.paste(_rgb_on_white(image), still.offset)
        return canvas, still.orientation
    return image, _orientation(image) if kind in _CAGED_FORMATS else still.orientation


def _may_lack_rows(image: Image.Image) -> bool:
    """Whether the last row is as it was before decoding; of interlaced images any may be."""
    last_row = image.crop((0, image.height - 1, image.width, image.height))
    return bool(image.info.get("interlace")) or last_row.getbbox(alpha_only=False) is None


def _load(kind: str, file: bytes, limits: Limits) -> Image.Image:
    with Image.open(io.BytesIO(file), formats=[kind]) as image:
        # A HEIC file may hold several images: the one that is opened is the photo.
        animated = kind != "HEIF" and getattr(image, "is_animated", False)
        _check_size(kind, Header(*image.size, animated), limits)
        image.load()
        return image
