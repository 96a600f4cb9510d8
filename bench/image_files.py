"""Parts of image files that no encoder here writes: odd chunks, frames, profiles and headers."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

SIZE = (48, 36)
ORIENTATION = 0x0112


def scene(seed: int = 1, size: tuple[int, int] = SIZE) -> Image.Image:
    """Colours that change smoothly, brighter towards one corner, so that turns are visible."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (4, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.int16)
    ramp = (
        np.linspace(-60, 60, size[0])[None, :, None] + np.linspace(-40, 40, size[1])[:, None, None]
    )
    noise = rng.integers(-6, 7, smooth.shape)
    return Image.fromarray((smooth + ramp + noise).clip(0, 255).astype(np.uint8))


def see_through(seed: int = 2, size: tuple[int, int] = SIZE) -> Image.Image:
    """The scene with a transparency that goes from nothing to everything."""
    image = scene(seed, size).convert("RGBA")
    alpha = np.tile(np.linspace(0, 255, size[0]).astype(np.uint8), (size[1], 1))
    image.putalpha(Image.fromarray(alpha))
    return image


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    data = Image.Exif()
    data[ORIENTATION] = orientation
    return data.tobytes()


def xmp(orientation: int) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
        % orientation
    )


@cache
def profile(space: str) -> bytes:
    """A colour profile: `sRGB`, `wide` RGB, grey `L`, `LAB`, or `CMYK`."""
    if space in ("sRGB", "LAB"):
        return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    if space == "CMYK":
        return cmyk_profile()
    return matrix_profile(space)


def matrix_profile(space: str) -> bytes:
    """An ICC profile of version 2 with a gamma of 1.8 and, unless grey, wide primaries."""

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(s15(value) for value in values)

    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + bytes(4 + 4 + 2 + 1 + 67)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256)) + b"\0\0"
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"cprt": b"text\0\0\0\0none",
    }
    if space == "L":
        tags[b"kTRC"] = curve
    else:
        tags |= {
            b"rXYZ": xyz(0.5151, 0.2412, -0.0011),
            b"gXYZ": xyz(0.2919, 0.6922, 0.0419),
            b"bXYZ": xyz(0.1571, 0.0666, 0.7841),
        } | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return icc(b"mntr", b"GRAY" if space == "L" else b"RGB ", b"XYZ ", tags)


def cmyk_profile() -> bytes:
    """An ICC profile of inks, with a table of 9 steps for each; darker than a plain product."""
    steps = np.linspace(0, 1, 9)
    c, m, y, k = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    light = np.stack([1 - 0.8 * c, 1 - 0.9 * m, 1 - 0.95 * y], -1) * (1 - 0.9 * k)[..., None]
    linear = light**2.2
    to_xyz = np.array(
        [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    )
    ratio = linear @ to_xyz.T / np.array([0.9642, 1, 0.8249])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    lab = np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )
    coded = np.stack(
        [lab[..., 0] / 100 * 65280, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], -1
    )
    identity = b"".join(struct.pack(">i", 65536 if n % 4 == 0 else 0) for n in range(9))
    ramp = struct.pack(">HH", 0, 65535)
    table = (
        b"mft2\0\0\0\0"
        + bytes([4, 3, 9, 0])
        + identity
        + struct.pack(">HH", 2, 2)
        + ramp * 4
        + coded.clip(0, 65535).round().astype(">u2").tobytes()
        + ramp * 3
    )
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": b"XYZ \0\0\0\0"
        + b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249)),
        b"cprt": b"text\0\0\0\0none",
        b"A2B0": table + bytes(-len(table) % 4),
    }
    return icc(b"prtr", b"CMYK", b"Lab ", tags)


def icc(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", at + len(body), len(data))
        body += data
    white = b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249))
    header = (
        struct.pack(">I", at + len(body))
        + b"none"
        + bytes([2, 0x40, 0, 0])
        + kind
        + space
        + connection
    )
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white + b"none"
    return header + bytes(128 - len(header)) + directory + body


# PNG


def chunk(name: bytes, body: bytes, *, checksum: int | None = None) -> bytes:
    crc = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def png_with(
    *extra: bytes, image: Image.Image | None = None, after: bytes = b"IHDR", **options: object
) -> bytes:
    """A PNG file with more chunks behind the first chunk of a name."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in png_chunks(saved(image or scene(), "PNG", **options)):
        parts.append(chunk(name, body))
        if name == after:
            parts += extra
            extra = ()
    return b"".join(parts)


def raw_png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG file from rows that have their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        *extra,
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def apng(
    offset: tuple[int, int], size: tuple[int, int], frames: int, *, hidden: bool = False
) -> bytes:
    """An APNG file; its first frame is the still image unless that is hidden."""
    width, height = SIZE

    def control(number: int, size: tuple[int, int], offset: tuple[int, int]) -> bytes:
        body = struct.pack(">IIIIIHHBB", number, *size, *offset, 1, 10, 0, 0)
        return chunk(b"fcTL", body)

    still = dict(png_chunks(saved(scene(), "PNG")))[b"IDAT"]
    piece = dict(png_chunks(saved(scene(3, size), "PNG")))[b"IDAT"]
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", frames, 0)))
    number = 0
    if not hidden:
        parts.append(control(0, SIZE, (0, 0)))
        number = 1
    parts.append(chunk(b"IDAT", still))
    for _ in range(frames - (not hidden)):
        parts.append(control(number, size, offset))
        parts.append(chunk(b"fdAT", struct.pack(">I", number + 1) + piece))
        number += 2
    parts.append(chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# JPEG


def after_segment(data: bytes, extra: bytes, *, count: int = 1) -> bytes:
    """A JPEG file with bytes behind some of its first segments."""
    at = 2
    for _ in range(count):
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return data[:at] + extra + data[at:]


def app(number: int, body: bytes) -> bytes:
    return bytes([0xFF, 0xE0 + number]) + struct.pack(">H", len(body) + 2) + body


# GIF


def gif(
    screen: tuple[int, int],
    frames: list[tuple[tuple[int, int], Image.Image, dict[str, int]]],
    *,
    background: int = 0,
) -> bytes:
    """A GIF file of frames: offset, palette image, and `transparency` and `disposal` by name."""
    palette = frames[0][1].getpalette() or []
    table = bytes(palette[:768]) + bytes(768 - len(palette[:768]))
    parts = [b"GIF89a", struct.pack("<HHBBB", *screen, 0xF7, background, 0), table]
    for offset, image, options in frames:
        transparency = options.get("transparency")
        flags = options.get("disposal", 0) << 2 | (transparency is not None)
        parts.append(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, 10, transparency or 0, 0))
        parts.append(b"\x2c" + struct.pack("<HHHHB", *offset, *image.size, 0) + lzw(image))
    return b"".join([*parts, b"\x3b"])


def lzw(image: Image.Image) -> bytes:
    """The compressed pixels as Pillow writes them."""
    data = saved(image, "GIF", interlace=False)
    at = data.index(b"\x2c", 13 + 768 if len(data) > 781 else 13)
    flags = data[at + 9]
    at += 10 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    return data[at:-1]


def palette_scene(seed: int = 1, size: tuple[int, int] = SIZE) -> Image.Image:
    image = scene(seed, size).quantize(255)
    image.putpalette([*(image.getpalette() or [])[:765], 9, 99, 9])
    return image


# WebP


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP"
    for name, data in chunks:
        body += name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    at, chunks = 12, []
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def u24(value: int) -> bytes:
    return struct.pack("<I", value)[:3]


def webp_animation(
    screen: tuple[int, int],
    frames: list[tuple[tuple[int, int], Image.Image]],
    *,
    background: int = 0,
) -> bytes:
    chunks = [
        (b"VP8X", bytes([0x12, 0, 0, 0]) + u24(screen[0] - 1) + u24(screen[1] - 1)),
        (b"ANIM", struct.pack("<IH", background, 0)),
    ]
    for (left, top), image in frames:
        header = u24(left // 2) + u24(top // 2) + u24(image.width - 1) + u24(image.height - 1)
        inner = riff_chunks(saved(image, "WEBP", lossless=True))
        chunks.append((b"ANMF", header + u24(100) + b"\2" + riff(*inner)[12:]))
    return riff(*chunks)


# BMP


def bmp(
    size: tuple[int, int],
    bits: int,
    body: bytes,
    *,
    compression: int = 0,
    palette: bytes = b"",
    masks: bytes = b"",
    header: int = 40,
    colours: int = 0,
    top_down: bool = False,
) -> bytes:
    width, height = size
    info = struct.pack(
        "<IiiHHIIiiII",
        header,
        width,
        -height if top_down else height,
        1,
        bits,
        compression,
        len(body),
        2835,
        2835,
        colours,
        0,
    )
    info += masks + bytes(max(0, header - 40 - len(masks)))
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + palette + body


def bmp_rows(image: Image.Image, raw: str) -> bytes:
    data = image.tobytes("raw", raw)
    stride = len(data) // image.height
    rows = [data[n * stride : (n + 1) * stride] for n in range(image.height)]
    return b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))


def bmp_palette(image: Image.Image, count: int = 256) -> bytes:
    table = (image.getpalette() or []) + [0] * 768
    return b"".join(
        bytes([table[3 * n + 2], table[3 * n + 1], table[3 * n], 0]) for n in range(count)
    )


def heic(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=90, **options)
    return file.getvalue()
