"""The decoding process: one template in a cage, which forks a child of its own for each image.

The template has everything imported and never sees an image. A child starts as a copy of it in
about two milliseconds, decodes one image, and ends: what a hostile image does to its child, no
other image meets. `pool` starts templates and talks to them.

Pillow, its reader of HEIC and the standard library alone, so that a template starts fast.
"""

import gc
import json
import mmap
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pillow_heif
from PIL import AvifImagePlugin, Image, ImageCms, MpoImagePlugin

from modeltrain.images import cage
from modeltrain.images.decoder import (
    DecodeError,
    Limits,
    open_rgb,
    too_much_memory_error,
)

# The memory that parent and child share: a reply as JSON, then the file, in whose place the child
# puts the pixels.
REPLY_BYTES = mmap.PAGESIZE

# Pixels that are copied at once: a full copy would double the memory, and larger blocks come from
# the kernel each time, which fills them with zeros first.
_STRIP_BYTES = 64 * 2**10

Work = Callable[[mmap.mmap, int, Limits], None]


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes
    ----------
    status : int
        Its exit code; the negative number of the signal that killed it.
    cpu_seconds : float
        What it used, in user and system mode.
    peak_bytes : int
        The most memory that it had, with what it shares with the template.
    """

    status: int
    cpu_seconds: float
    peak_bytes: int


def decode_shared(memory: mmap.mmap, length: int, limits: Limits) -> None:
    """Decode the file in the shared memory, and put its pixels and a reply in its place.

    Parameters
    ----------
    memory : mmap.mmap
    length : int
        Of the file, in bytes.
    limits : Limits
    """
    data = memory[REPLY_BYTES : REPLY_BYTES + length]
    try:
        try:
            image = open_rgb(data, limits=limits, caged=True)
        except MemoryError:
            raise too_much_memory_error(limits) from None
        del data
        memory.seek(REPLY_BYTES)
        rows = max(1, _STRIP_BYTES // (3 * image.width))
        for top in range(0, image.height, rows):
            bottom = min(top + rows, image.height)
            memory.write(image.crop((0, top, image.width, bottom)).tobytes())
        reply = {"width": image.width, "height": image.height}
    except DecodeError as error:
        reply = vars(error)
    text = json.dumps(reply).encode()
    memory[: len(text)] = text


def serve(work: Work = decode_shared) -> None:
    """Run the template: fork a child for each request until the parent closes its socket.

    Parameters
    ----------
    work : callable
        What a child does.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the parent, which closes the socket
        signal.signal(number, signal.SIG_IGN)
    pillow_heif.register_heif_opener(thumbnails=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # Pillow imports these on use, when files can no longer be opened.
    Image.init()
    Image.new("RGB", (1, 1)).tobytes()
    ImageCms.createProfile("sRGB")
    assert MpoImagePlugin
    control = socket.socket(fileno=int(sys.argv[1]))
    layers = [*cage.enter("namespaces", "landlock")]
    control.send(json.dumps(layers).encode())
    gc.freeze()  # else a collection in the child copies every page
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, REPLY_BYTES, 1)
        if not message:
            return
        request = json.loads(message)
        ending = _run_child(control, descriptors[0], request, work)
        control.send(json.dumps(asdict(ending)).encode())


def _run_child(
    control: socket.socket, descriptor: int, request: dict[str, int], work: Work
) -> Ending:
    """Fork a child, and wait until it ends; end with it if the parent hangs up."""
    template = os.getpid()
    child = os.fork()
    if not child:
        _be_child(template, control, descriptor, request, work)
    os.close(descriptor)
    process = os.pidfd_open(child)
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.register(control, select.POLLIN)
    ended = [ready for ready, _ in poll.poll()]
    os.close(process)
    if process not in ended:  # the parent hung up; the child is killed with this process
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    return Ending(
        os.waitstatus_to_exitcode(status),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
    )


def _be_child(
    template: int,
    control: socket.socket,
    descriptor: int,
    request: dict[str, Any],
    work: Work,
) -> None:
    """Do the work in the whole cage, and end the process."""
    status = 1
    try:
        cage.die_with(template)
        control.close()
        memory = mmap.mmap(descriptor, 0)
        length = request.pop("length")
        limits = Limits(**request)
        cage.limit_resources(memory_bytes=limits.memory_bytes, cpu_seconds=limits.cpu_seconds)
        cage.enter("seccomp")
        work(memory, length, limits)
        status = 0
    finally:
        os._exit(status)
