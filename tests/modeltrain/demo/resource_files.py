"""Write Qt resource files, as Qt's `rcc` does."""

import struct
import zlib

DIRECTORY, COMPRESSED, ZSTANDARD = 2, 1, 4


def resource_file(files: dict[str, bytes], *, version: int = 3, flags: int = 0) -> bytes:
    """Return a resource file with all files in the folder /activity/resource."""
    names, offsets = b"", {}
    for name in ("activity", "resource", *files):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    blobs, nodes = b"", []
    nodes.append((0, DIRECTORY, 1, 1))
    nodes.append((offsets["activity"], DIRECTORY, 1, 2))
    nodes.append((offsets["resource"], DIRECTORY, len(files), 3))
    for name, content in files.items():
        if flags == COMPRESSED:
            content = struct.pack(">I", len(content)) + zlib.compress(content)
        nodes.append((offsets[name], flags, 0, len(blobs)))
        blobs += struct.pack(">I", len(content)) + content
    tree = b"".join(struct.pack(">IHIIQ", *node, 0) for node in nodes)
    start = 24
    header = struct.pack(
        ">4s4II",
        b"qres",
        version,
        start,
        start + len(tree),
        start + len(tree) + len(blobs),
        flags,
    )
    return header + tree + blobs + names
