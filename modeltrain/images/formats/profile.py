"""Which colour profiles are used: those that Chromium's colour library, skcms, can parse."""

import struct

_HEADER_BYTES = 128
_ENTRY_BYTES = 12
_WHITE = (0.9642, 1.0, 0.8249)  # D50, which every profile must name
_TOLERANCE = 0.01
_LAST_VERSION = 4


_CLASS = slice(12, 16)
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")


def with_class(profile: bytes) -> bytes:
    """Return a profile as one of a display if it does not say of what it is, which skcms ignores.

    Parameters
    ----------
    profile : bytes
        An ICC profile.
    """
    if profile[_CLASS] in _CLASSES:
        return profile
    return profile[:12] + _CLASSES[0] + profile[16:]


def is_usable(profile: bytes) -> bool:
    """Return whether a profile's header and its table of contents are right.

    Little CMS is less strict than skcms, whose checks in `skcms_Parse` these are.

    Parameters
    ----------
    profile : bytes
        An ICC profile.
    """
    try:
        size, version = struct.unpack_from(">I4xB", profile)
        connection, signature = profile[20:24], profile[36:40]
        white = [number / 65536 for number in struct.unpack_from(">iii", profile, 68)]
        (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
        if size > len(profile) or size < _HEADER_BYTES + 4 + _ENTRY_BYTES * count:
            return False
        entries = [
            struct.unpack_from(">II", profile, _HEADER_BYTES + 8 + _ENTRY_BYTES * number)
            for number in range(count)
        ]
    except struct.error:
        return False
    return (
        version <= _LAST_VERSION
        and signature == b"acsp"
        and connection in (b"XYZ ", b"Lab ")
        and all(abs(value - d50) <= _TOLERANCE for value, d50 in zip(white, _WHITE, strict=True))
        and all(length >= 4 and start + length <= size for start, length in entries)
    )
