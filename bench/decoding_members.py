"""The files of docs/decoding.md: one for each way in which decoders are known to differ."""

import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image, PngImagePlugin

from bench.image_files import (
    SIZE,
    after_segment,
    apng,
    app,
    bmp,
    bmp_palette,
    bmp_rows,
    chunk,
    exif,
    gif,
    heic,
    palette_scene,
    png_chunks,
    png_with,
    profile,
    raw_png,
    riff,
    riff_chunks,
    saved,
    scene,
    see_through,
    webp_animation,
    xmp,
)

XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"


@cache
def members() -> dict[str, bytes]:
    """Every file by what it is; the same bytes each time."""
    return jpegs() | pngs() | gifs() | webps() | bmps() | phones() | others()


def jpegs() -> dict[str, bytes]:
    image = scene()
    plain = saved(image, "JPEG", quality=90)
    grey = image.convert("L")
    inks = image.convert("CMYK")
    turns = {f"JPEG, EXIF orientation {n}": saved(image, "JPEG", exif=exif(n)) for n in range(2, 9)}
    adobe = after_segment(plain, app(14, b"Adobe\0d\0\0\0\0\0"))
    return turns | {
        "JPEG, plain": plain,
        "JPEG, orientation in XMP alone": after_segment(plain, app(1, XMP_MARK + xmp(6))),
        "JPEG, orientation in XMP and another in EXIF": after_segment(
            saved(image, "JPEG", exif=exif(3)), app(1, XMP_MARK + xmp(6))
        ),
        "JPEG, EXIF orientation 0": saved(image, "JPEG", exif=exif(0)),
        "JPEG, EXIF orientation 9": saved(image, "JPEG", exif=exif(9)),
        "JPEG, two EXIF segments": after_segment(plain, app(1, exif(6)) + app(1, exif(3))),
        "JPEG, broken EXIF": after_segment(plain, app(1, b"Exif\0\0II*\0\xff\xff\xff\xff")),
        "JPEG, EXIF behind the image": plain[:-2] + app(1, exif(6)) + plain[-2:],
        "JPEG, progressive": saved(image, "JPEG", progressive=True),
        "JPEG, colours not subsampled": saved(image, "JPEG", subsampling=0),
        "JPEG, colours halved in width": saved(image, "JPEG", subsampling=1),
        "JPEG, restart markers": saved(image, "JPEG", restart_marker_blocks=1),
        "JPEG, arithmetic coding": arithmetic_jpeg(plain),
        "JPEG, RGB with an Adobe marker": saved(image, "JPEG", keep_rgb=True),
        "JPEG, Adobe marker that says RGB of YCbCr": adobe,
        "JPEG, grey": saved(grey, "JPEG"),
        "JPEG, grey with a grey profile": saved(grey, "JPEG", icc_profile=profile("L")),
        "JPEG, grey with an RGB profile": saved(grey, "JPEG", icc_profile=profile("wide")),
        "JPEG, wide RGB profile": saved(image, "JPEG", icc_profile=profile("wide")),
        "JPEG, sRGB profile": saved(image, "JPEG", icc_profile=profile("sRGB")),
        "JPEG, colour with a grey profile": saved(image, "JPEG", icc_profile=profile("L")),
        "JPEG, colour with a CMYK profile": saved(image, "JPEG", icc_profile=profile("CMYK")),
        "JPEG, CMYK": saved(inks, "JPEG"),
        "JPEG, CMYK with a CMYK profile": saved(inks, "JPEG", icc_profile=profile("CMYK")),
        "JPEG, CMYK with an RGB profile": saved(inks, "JPEG", icc_profile=profile("wide")),
        "JPEG, YCCK with a CMYK profile": ycck(inks, icc_profile=profile("CMYK")),
        "JPEG, YCCK": ycck(inks),
        "JPEG, broken profile": saved(image, "JPEG", icc_profile=b"no profile"),
        "JPEG, profile in parts, one missing": after_segment(
            plain, app(2, b"ICC_PROFILE\0\1\2" + profile("wide")[:300])
        ),
        "JPEG, end marker missing": plain[:-2],
        "JPEG, last four bytes zero": plain[:-4] + bytes(4),
        "JPEG, cut in half": plain[: len(plain) // 2],
        "JPEG, last 20 bytes missing": plain[:-20],
        "JPEG, words behind the end": plain + b"some words",
        "JPEG, stray bytes between segments": after_segment(plain, b"junk"),
        "JPEG, padding between segments": after_segment(plain, b"\xff\xff\xff"),
        "JPEG, stray bytes behind the second segment": after_segment(plain, bytes(9), count=2),
        "JPEG, segment with a length of 1": after_segment(plain, b"\xff\xe5\0\1"),
        "JPEG, a comment longer than the file": after_segment(plain, b"\xff\xfe\xff\xff"),
        "JPEG, height of zero": without_height(plain),
        "JPEG, two images (MPO)": saved(image, "MPO", save_all=True, append_images=[scene(2)]),
        "JPEG, bytes changed in the scan": damaged_scan(plain),
        "JPEG, 12 lines fewer than its header says": missing_rows(plain),
        "JPEG, Photoshop resources": after_segment(
            plain, app(13, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10" + bytes(16))
        ),
    }


def arithmetic_jpeg(plain: bytes) -> bytes:
    """A header that claims arithmetic coding, which few decoders read."""
    return plain.replace(b"\xff\xc0", b"\xff\xc9", 1)


def ycck(inks: Image.Image, **options: object) -> bytes:
    """Four channels whose Adobe marker says that the first three are YCbCr."""
    data = bytearray(saved(inks, "JPEG", **options))
    at = data.index(b"Adobe")
    data[at + 11] = 2
    return bytes(data)


def without_height(plain: bytes) -> bytes:
    at = plain.index(b"\xff\xc0")
    return plain[: at + 5] + b"\0\0" + plain[at + 7 :]


def missing_rows(plain: bytes) -> bytes:
    at = plain.index(b"\xff\xc0")
    return plain[: at + 5] + struct.pack(">H", SIZE[1] + 12) + plain[at + 7 :]


def damaged_scan(plain: bytes) -> bytes:
    at = plain.index(b"\xff\xda") + 80
    return plain[:at] + b"\x11\x22\x33\x44" + plain[at + 4 :]


def pngs() -> dict[str, bytes]:
    image = scene()
    plain = saved(image, "PNG")
    bomb = b"Comment\0\0" + zlib.compress(bytes(2 * 2**20), 9)
    text = b"Comment\0some words"
    levels = np.linspace(0, 65535, 48 * 36).reshape(36, 48).astype(np.uint16)
    deep = Image.fromarray(levels)
    deep_rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in np.repeat(levels, 3, 1))
    deep_alpha = np.stack([levels, levels[::-1], levels[:, ::-1], levels.T.reshape(36, 48)], -1)
    deep_alpha_rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep_alpha)
    key = struct.pack(">H", int(levels[3, 5]))
    no_end = plain[:-12]
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(8).decode())
    crc = bytearray(plain)
    crc[plain.index(b"IDAT") - 5] ^= 1  # the checksum of the chunk before
    data_crc = bytearray(plain)
    data_crc[-14] ^= 1
    flipped = bytearray(plain)
    flipped[plain.index(b"IDAT") + 400] ^= 16
    grey_alpha = see_through().convert("LA")
    return {
        "PNG, plain": plain,
        "PNG, orientation in XMP alone": saved(image, "PNG", pnginfo=info),
        "PNG, EXIF orientation 6": saved(image, "PNG", exif=exif(6)),
        "PNG, EXIF orientation behind the image": png_with(
            chunk(b"eXIf", exif(6)[6:]), after=b"IDAT"
        ),
        "PNG, EXIF with the mark of a JPEG": png_with(chunk(b"eXIf", exif(6))),
        "PNG, EXIF as raw text": png_with(
            chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 8\n" + exif(6).hex().encode())
        ),
        "PNG, 2 MiB of compressed text": png_with(chunk(b"zTXt", bomb)),
        "PNG, 2 MiB of compressed international text": png_with(
            chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2 * 2**20), 9))
        ),
        "PNG, 90 texts of 1 MiB": png_with(
            *[chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**20 - 9), 9))] * 90
        ),
        "PNG, text with a bad checksum": png_with(chunk(b"tEXt", text, checksum=1)),
        "PNG, unknown chunk with a bad checksum": png_with(chunk(b"abCd", text, checksum=1)),
        "PNG, unknown chunk that is critical": png_with(chunk(b"ABCD", text)),
        "PNG, text behind the image with a bad checksum": png_with(
            chunk(b"tEXt", text, checksum=1), after=b"IDAT"
        ),
        "PNG, header with a bad checksum": bytes(crc),
        "PNG, image data with a bad checksum": png_with()[: plain.index(b"IDAT") - 4]
        + bad_idat(plain),
        "PNG, end with a bad checksum": plain[:-1] + b"\0",
        "PNG, changed byte in the image data": bytes(flipped),
        "PNG, end missing": no_end,
        "PNG, end and last checksum missing": plain[:-16],
        "PNG, cut in half": plain[: len(plain) // 2],
        "PNG, words behind the end": plain + b"some words",
        "PNG, image data in many chunks": many_idats(plain),
        "PNG, image data with a text between": many_idats(plain, chunk(b"tEXt", text)),
        "PNG, too little image data": raw_png(48, 36, 8, 2, (b"\0" + bytes(144)) * 20),
        "PNG, too much image data": raw_png(48, 36, 8, 2, (b"\0" + bytes(144)) * 50),
        "PNG, filter that does not exist": raw_png(48, 36, 8, 2, (b"\7" + bytes(144)) * 36),
        "PNG, image data without its checksum": short_zlib(),
        "PNG, palette": saved(palette_scene(), "PNG"),
        "PNG, palette with transparency": saved(palette_scene(), "PNG", transparency=3),
        "PNG, palette too short": short_palette(),
        "PNG, palette missing": raw_png(16, 8, 8, 3, (b"\0" + bytes(16)) * 8),
        "PNG, 1 bit": saved(image.convert("1"), "PNG"),
        "PNG, 2 bits of grey": raw_png(
            16, 8, 2, 0, b"".join(b"\0" + bytes([27] * 4) for _ in range(8))
        ),
        "PNG, interlaced": interlaced(),
        "PNG, grey": saved(image.convert("L"), "PNG"),
        "PNG, grey with transparency": saved(grey_alpha, "PNG"),
        "PNG, grey with a transparent level": saved(image.convert("L"), "PNG", transparency=100),
        "PNG, colour with a transparent colour": saved(
            image, "PNG", transparency=image.getpixel((3, 4))
        ),
        "PNG, transparency": saved(see_through(), "PNG"),
        "PNG, transparency with a wide profile": saved(
            see_through(), "PNG", icc_profile=profile("wide")
        ),
        "PNG, 16 bits of grey": saved(deep, "PNG"),
        "PNG, 16 bits of grey, one of them transparent": raw_png(
            48,
            36,
            16,
            0,
            b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels),
            chunk(b"tRNS", key),
        ),
        "PNG, 16 bits of colour": raw_png(48, 36, 16, 2, deep_rows),
        "PNG, 16 bits of colour with transparency": raw_png(48, 36, 16, 6, deep_alpha_rows),
        "PNG, wide RGB profile": saved(image, "PNG", icc_profile=profile("wide")),
        "PNG, grey with an RGB profile": saved(
            image.convert("L"), "PNG", icc_profile=profile("wide")
        ),
        "PNG, grey with a grey profile": saved(image.convert("L"), "PNG", icc_profile=profile("L")),
        "PNG, colour with a grey profile": saved(image, "PNG", icc_profile=profile("L")),
        "PNG, palette with a wide profile": saved(
            palette_scene(), "PNG", icc_profile=profile("wide")
        ),
        "PNG, profile with a bad checksum": bad_profile(),
        "PNG, gamma": png_with(chunk(b"gAMA", struct.pack(">I", 100000))),
        "PNG, gamma and primaries": png_with(
            chunk(b"gAMA", struct.pack(">I", 45455)),
            chunk(
                b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
            ),
        ),
        "PNG, code points of Display P3": png_with(chunk(b"cICP", bytes([12, 13, 0, 1]))),
        "PNG, sRGB and a wide profile": png_with(
            chunk(b"sRGB", b"\0"), icc_profile=profile("wide")
        ),
        "APNG, one frame": apng((0, 0), SIZE, 1),
        "APNG, one frame with an offset, not the still": apng((8, 6), (20, 10), 1, hidden=True),
        "APNG, two frames": apng((8, 6), (20, 10), 2),
        "APNG, two frames beside the still": apng((8, 6), (20, 10), 2, hidden=True),
        "APNG, no frames": png_with(chunk(b"acTL", bytes(8))),
        "APNG, one frame that is missing": png_with(chunk(b"acTL", b"\0\0\0\1\0\0\0\0")),
        "APNG, two frames of which one is missing": png_with(
            chunk(b"acTL", b"\0\0\0\2\0\0\0\0"),
            chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, *SIZE, 0, 0, 1, 10, 0, 0)),
        ),
    }


def bad_idat(plain: bytes) -> bytes:
    body = dict(png_chunks(plain))[b"IDAT"]
    return chunk(b"IDAT", body, checksum=1) + chunk(b"IEND", b"")


def many_idats(plain: bytes, between: bytes = b"") -> bytes:
    start = plain[: plain.index(b"IDAT") - 4]
    body = dict(png_chunks(plain))[b"IDAT"]
    pieces = [chunk(b"IDAT", body[at : at + 300]) for at in range(0, len(body), 300)]
    return start + pieces[0] + between + b"".join(pieces[1:]) + chunk(b"IEND", b"")


def short_zlib() -> bytes:
    rows = (b"\0" + bytes(range(144))) * 36
    header = struct.pack(">IIBBBBB", 48, 36, 8, 2, 0, 0, 0)
    data = zlib.compress(rows)[:-4]
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def short_palette() -> bytes:
    rows = b"".join(b"\0" + bytes(range(16)) for _ in range(8))
    return raw_png(16, 8, 8, 3, rows, chunk(b"PLTE", bytes(range(1, 31))))


def interlaced() -> bytes:
    """Adam7 of 8 × 8 pixels of grey."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, across in passes
        for row in pixels[top::down, left::across]
    )
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bad_profile() -> bytes:
    body = b"made\0\0" + zlib.compress(profile("wide"))
    return png_with(chunk(b"iCCP", body, checksum=1))


def gifs() -> dict[str, bytes]:
    whole, part = palette_scene(), palette_scene(3, (20, 12))
    plain = gif(SIZE, [((0, 0), whole, {})])
    clear = {"transparency": 255}
    local = saved(whole, "GIF")
    shifted = bytearray(plain)
    shifted[10] &= 0x7F  # no global palette is announced
    return {
        "GIF, plain": plain,
        "GIF, as Pillow writes it": local,
        "GIF, frame smaller than its canvas": gif(SIZE, [((8, 6), part, {})]),
        "GIF, such a frame and a background colour": gif(SIZE, [((8, 6), part, {})], background=7),
        "GIF, such a frame with a transparent colour": gif(SIZE, [((8, 6), part, clear)]),
        "GIF, such a frame to be cleared": gif(SIZE, [((8, 6), part, {"disposal": 2})]),
        "GIF, such a frame to be taken back": gif(SIZE, [((8, 6), part, {"disposal": 3})]),
        "GIF, frame beyond its canvas": gif((30, 20), [((20, 12), part, {})]),
        "GIF, frame outside of its canvas": gif((30, 20), [((40, 30), part, {})]),
        "GIF, frame larger than its canvas": gif((20, 20), [((0, 0), whole, {})]),
        "GIF, canvas of no size": gif((0, 0), [((0, 0), whole, {})]),
        "GIF, a transparent colour": gif(SIZE, [((0, 0), whole, {"transparency": 3})]),
        "GIF, transparent background": gif(SIZE, [((8, 6), part, {"transparency": 0})]),
        "GIF, two frames": gif(SIZE, [((0, 0), whole, {}), ((8, 6), part, {})]),
        "GIF, frame cut off": plain[: len(plain) // 2],
        "GIF, end missing": plain[:-1],
        "GIF, words behind the end": plain + b"some words",
        "GIF, second frame cut off": gif(SIZE, [((0, 0), whole, {}), ((8, 6), part, {})])[:-200],
        "GIF, comment": plain[:-1] + b"\x21\xfe\5words\0\x3b",
        "GIF, comment before the image": plain[:781] + b"\x21\xfe\5words\0" + plain[781:],
        "GIF, no palette": bytes(shifted[:13]) + plain[781:],
        "GIF, interlaced": saved(whole, "GIF", interlace=True),
        "GIF, GIF87a": b"GIF87a" + plain[6:],
        "GIF, codes damaged": plain[:1200] + bytes(8) + plain[1208:],
        "GIF, no frame": plain[:781] + b"\x3b",
        "GIF, code size of 12": plain.replace(b"0\0$\0\0\x08", b"0\0$\0\0\x0c", 1),
        "GIF, loops once": plain[:781] + b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0" + plain[781:],
    }


def webps() -> dict[str, bytes]:
    image = scene()
    plain = saved(image, "WEBP", quality=90)
    lossless = saved(image, "WEBP", lossless=True)
    size = struct.pack("<I", SIZE[0] - 1)[:3] + struct.pack("<I", SIZE[1] - 1)[:3]
    inner = riff_chunks(plain)[0]

    def extended(flags: int, *extra: tuple[bytes, bytes], before: bool = False) -> bytes:
        header = (b"VP8X", bytes([flags, 0, 0, 0]) + size)
        return riff(header, *(extra if before else ()), inner, *(() if before else extra))

    small = scene(3, (20, 12))
    return {
        "WebP, plain": plain,
        "WebP, lossless": lossless,
        "WebP, transparency": saved(see_through(), "WEBP", quality=90),
        "WebP, lossless transparency": saved(see_through(), "WEBP", lossless=True),
        "WebP, lossless transparency, exact": saved(
            see_through(), "WEBP", lossless=True, exact=True
        ),
        "WebP, EXIF orientation 6": saved(image, "WEBP", lossless=True, exif=exif(6)),
        "WebP, EXIF without its flag": extended(0, (b"EXIF", exif(6)[6:])),
        "WebP, EXIF before the image": extended(8, (b"EXIF", exif(6)[6:]), before=True),
        "WebP, orientation in XMP alone": saved(image, "WEBP", lossless=True, xmp=xmp(6)),
        "WebP, wide RGB profile": saved(image, "WEBP", lossless=True, icc_profile=profile("wide")),
        "WebP, profile without its flag": extended(0, (b"ICCP", profile("wide")), before=True),
        "WebP, grey profile": saved(image, "WEBP", lossless=True, icc_profile=profile("L")),
        "WebP, unknown chunk": extended(0, (b"abcd", b"words")),
        "WebP, one frame in an animation": webp_animation(SIZE, [((0, 0), image)]),
        "WebP, one such frame with an offset": webp_animation(SIZE, [((8, 6), small)]),
        "WebP, one such frame and a background": webp_animation(
            SIZE, [((8, 6), small)], background=0xFF3366CC
        ),
        "WebP, one such frame with transparency": webp_animation(
            SIZE, [((8, 6), see_through(2, (20, 12)))]
        ),
        "WebP, two frames": webp_animation(SIZE, [((0, 0), image), ((8, 6), small)]),
        "WebP, flag of animation alone": extended(2),
        "WebP, cut in half": plain[: len(plain) // 2],
        "WebP, last 10 bytes missing": plain[:-10],
        "WebP, words behind the end": plain + b"some words",
        "WebP, size of the file too large": plain[:4]
        + struct.pack("<I", len(plain) + 100)
        + plain[8:],
        "WebP, size of the file too small": plain[:4]
        + struct.pack("<I", len(plain) - 60)
        + plain[8:],
        "WebP, lossless, changed byte": lossless[:300] + b"\x55" + lossless[301:],
        "WebP, canvas of another size": riff((b"VP8X", bytes(4) + b"\x20\0\0\x20\0\0"), inner),
    }


def bmps() -> dict[str, bytes]:
    image, indexed = scene(), palette_scene()
    rows = bmp_rows(image, "BGR")
    table = bmp_palette(indexed)
    deep = np.asarray(image).astype(np.uint16)
    five = (deep[..., 0] >> 3 << 10 | deep[..., 1] >> 3 << 5 | deep[..., 2] >> 3)[::-1]
    six = (deep[..., 0] >> 3 << 11 | deep[..., 1] >> 2 << 5 | deep[..., 2] >> 3)[::-1]
    clear = bmp_rows(see_through(), "BGRA")
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    swapped = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0)
    runs = (
        b"".join(b"\x10" + bytes([n]) + b"\x20" + bytes([n + 1]) + b"\0\0" for n in range(16))
        + b"\0\1"
    )
    skips = b"\x08\5\0\2\x10\x02\x08\7\0\0" + b"\x30\x09\0\0" + b"\x05\x03\0\1"
    short = b"\x08\5\0\0\x30\x09\0\1"
    return {
        "BMP, plain": saved(image, "BMP"),
        "BMP, palette": bmp(SIZE, 8, bmp_rows(indexed, "P"), palette=table),
        "BMP, grey": saved(image.convert("L"), "BMP"),
        "BMP, 1 bit": saved(image.convert("1"), "BMP"),
        "BMP, 4 bits": bmp((48, 36), 4, bytes([0x12] * 24) * 36, palette=table[:64]),
        "BMP, palette of 16 for 8 bits": bmp(
            SIZE, 8, bmp_rows(indexed, "P"), palette=table[:64], colours=16
        ),
        "BMP, from the top": bmp(SIZE, 24, rows, top_down=True),
        "BMP, 32 bits": bmp(SIZE, 32, clear),
        "BMP, 32 bits with masks": bmp(SIZE, 32, clear, compression=3, masks=masks[:12]),
        "BMP, 32 bits with a mask for transparency": bmp(
            SIZE, 32, clear, compression=3, masks=masks, header=56
        ),
        "BMP, version 4 with transparency": bmp(
            SIZE, 32, clear, compression=3, masks=masks, header=108
        ),
        "BMP, version 4 with transparency, no masks announced": bmp(
            SIZE, 32, clear, masks=masks, header=108
        ),
        "BMP, version 5 with transparency": bmp(
            SIZE, 32, clear, compression=3, masks=masks, header=124
        ),
        "BMP, 32 bits, channels in another order": bmp(
            SIZE, 32, clear, compression=3, masks=swapped, header=56
        ),
        "BMP, 16 bits": bmp(SIZE, 16, five.astype("<u2").tobytes()),
        "BMP, 16 bits of which 6 are green": bmp(
            SIZE,
            16,
            six.astype("<u2").tobytes(),
            compression=3,
            masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F),
        ),
        "BMP, runs": bmp((48, 16), 8, runs, compression=1, palette=table),
        "BMP, runs with pixels that are skipped": bmp(
            (48, 3), 8, skips + b"\x07\4", compression=1, palette=table
        ),
        "BMP, runs that end early": bmp((48, 5), 8, short, compression=1, palette=table),
        "BMP, runs of 4 bits": bmp(
            (48, 2), 4, b"\x30\x12\0\0\x30\x34\0\1", compression=2, palette=table[:64]
        ),
        "BMP, runs of 4 bits with pixels that are skipped": bmp(
            (48, 3), 4, b"\x10\x12\0\2\x08\1\x08\x34\0\1", compression=2, palette=table[:64]
        ),
        "BMP, literal runs": bmp(
            (8, 2), 8, b"\0\5\1\2\3\4\5\0\3\7\0\0\0\3\1\2\3\0\5\4\0\1", compression=1, palette=table
        ),
        "BMP, OS/2": b"BM"
        + struct.pack("<IHHI", 26 + len(rows), 0, 0, 26)
        + struct.pack("<IHHHH", 12, *SIZE, 1, 24)
        + rows,
        "BMP, cut in half": bmp(SIZE, 24, rows)[: 54 + len(rows) // 2],
        "BMP, words behind the end": bmp(SIZE, 24, rows) + b"some words",
        "BMP, JPEG inside": bmp(SIZE, 0, saved(image, "JPEG"), compression=4),
        "BMP, size of the file wrong": b"BM\1\0\0\0" + bmp(SIZE, 24, rows)[6:],
        "BMP, mask of nothing": bmp(SIZE, 32, clear, compression=3, masks=bytes(16), header=56),
    }


def phones() -> dict[str, bytes]:
    image = scene(1, (64, 48))
    return {
        "AVIF, plain": saved(image, "AVIF", quality=90),
        "AVIF, colours not subsampled": saved(image, "AVIF", quality=90, subsampling="4:4:4"),
        "AVIF, transparency": saved(see_through(2, (64, 48)), "AVIF", quality=90),
        "AVIF, EXIF orientation 6": saved(image, "AVIF", quality=90, exif=exif(6)[6:]),
        "AVIF, wide RGB profile": saved(image, "AVIF", quality=90, icc_profile=profile("wide")),
        "AVIF, animation": saved(image, "AVIF", save_all=True, append_images=[scene(2, (64, 48))]),
        "AVIF, cut in half": (lambda data: data[: len(data) // 2])(saved(image, "AVIF")),
        "HEIC, plain": heic(image),
        "HEIC, EXIF orientation 6": heic(image, exif=exif(6)),
    }


def others() -> dict[str, bytes]:
    image = scene()
    return {
        "TIFF": saved(image, "TIFF"),
        "ICO": saved(image, "ICO", sizes=[(32, 32)]),
        "JPEG 2000": saved(image, "JPEG2000"),
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "PDF": b"%PDF-1.7\n",
        "Photoshop": b"8BPS\0\1" + bytes(40),
        "JPEG XL": b"\xff\x0a" + bytes(40),
        "a video": b"\0\0\0\x18ftypisom\0\0\0\0isommp41",
        "a ZIP archive": b"PK\3\4" + bytes(40),
        "a web page": b"<!doctype html><html><title>An image</title></html>",
        "a letter": b"Dear reader, this is no image at all.",
        "an empty file": b"",
    }
