"""The decoding processes of this process: started when first needed, reused, replaced when dead."""

import atexit
import fcntl
import json
import mmap
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from modeltrain.images.child import REPLY_BYTES, Ending
from modeltrain.images.decoder import (
    DecodeError,
    Limits,
    MachineBusy,
    broken_file_error,
    too_much_memory_error,
    too_slow_error,
)

Pixels = NDArray[np.uint8]

_PROGRAM = (
    "import sys; sys.path += sys.argv[2:]; from modeltrain.images import child; child.serve()"
)
_START_SECONDS = 60
_ATTEMPTS = 3
_KILLED_BY_CPU_LIMIT = -24  # SIGXCPU
_KILLED = -9  # SIGKILL: from the kernel, for memory, or from outside


class _TemplateDied(Exception):
    """A template has ended; it never sees an image, so no image is to blame."""


class _Template:
    """One template process and the socket to it. `program` is its Python code."""

    def __init__(self, program: str) -> None:
        site_packages = str(Path(PIL.__file__).resolve().parent.parent)
        project = str(Path(__file__).resolve().parents[2])
        interpreter = [sys.executable, "-I", "-S", "-B", "-c", program]
        # Messages have boundaries, and the other end sees it when this process is gone.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*interpreter, str(number), project, site_packages],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        # Reaps it whenever it ends: no zombie is left.
        self._reaper = threading.Thread(target=self._process.wait, daemon=True)
        self._reaper.start()
        try:
            self._receive(_START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def run(self, memory: int, length: int, limits: Limits) -> Ending:
        """Have a child decode what is in the shared memory, and wait until it ends."""
        request = {"length": length} | asdict(limits)
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [memory])
        except OSError as error:
            raise _TemplateDied from error
        return Ending(**json.loads(self._receive(limits.wall_seconds)))

    def _receive(self, seconds: float) -> bytes:
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(REPLY_BYTES)
        except TimeoutError:
            raise MachineBusy(seconds) from None
        except ConnectionError:  # it was killed before it read the request
            message = b""
        if not message:
            raise _TemplateDied
        return message

    def kill(self) -> None:
        """End the template, and with it the child that it may have."""
        self._process.kill()
        self._control.close()
        self._reaper.join()

    def forget(self) -> None:
        """Close the socket in a fork of this process; the template is not the fork's child."""
        self._control.close()
        self._process.returncode = 0


class Pool:
    """Decodes images from strangers, as many at once as there are cores; safe between threads.

    Parameters
    ----------
    program : str
        Python code of a template.
    """

    def __init__(self, program: str = _PROGRAM) -> None:
        self._program = program
        self._reset()

    def _reset(self) -> None:
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._idle: list[_Template] = []
        self._templates: set[_Template] = set()

    def decode(self, data: bytes, *, limits: Limits) -> tuple[Pixels, Ending]:
        """Decode one image in a child process.

        A template that has died is replaced, and the image is tried again.

        Parameters
        ----------
        data : bytes
            The whole file.
        limits : Limits

        Returns
        -------
        tuple of numpy.ndarray of uint8, shape [height, width, 3], and Ending
            The pixels, in memory that nobody else can write, and what they cost.

        Raises
        ------
        DecodeError
            When the file is refused, or its child ended without an answer.
        MachineBusy
            When it got no answer in time, or three templates or children were killed.
        """
        size = REPLY_BYTES + max(len(data), 3 * limits.kept_pixels)
        for attempt in range(1, _ATTEMPTS + 1):
            # Only pages that are written to take memory.
            with os.fdopen(os.memfd_create("image", os.MFD_ALLOW_SEALING), "r+b", 0) as memory:
                memory.truncate(size)
                # A child that shortened it could crash this process.
                seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
                fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
                os.pwrite(memory.fileno(), data, REPLY_BYTES)
                try:
                    ending = self._run(memory.fileno(), len(data), limits)
                except _TemplateDied:
                    continue
                if ending.status != _KILLED or attempt == _ATTEMPTS:
                    return _pixels(mmap.mmap(memory.fileno(), 0), ending, limits), ending
        raise MachineBusy(limits.wall_seconds)

    def _run(self, memory: int, length: int, limits: Limits) -> Ending:
        with self._turns:
            template = self._take()
            try:
                ending = template.run(memory, length, limits)
            except BaseException:  # also when this thread is interrupted: its child must not go on
                self._templates.discard(template)
                template.kill()
                raise
            self._idle.append(template)
            return ending

    def _take(self) -> _Template:
        try:
            return self._idle.pop()
        except IndexError:
            template = _Template(self._program)
            self._templates.add(template)
            return template

    def forget(self) -> None:
        """Leave all templates to the process that this one was forked from."""
        for template in self._templates:
            template.forget()
        self._reset()

    def close(self) -> None:
        """End all templates."""
        for template in list(self._templates):
            template.kill()
        self._reset()


def _pixels(memory: mmap.mmap, ending: Ending, limits: Limits) -> Pixels:
    """Read the child's reply: return its pixels, or raise its refusal or what its ending means."""
    if ending.status == _KILLED_BY_CPU_LIMIT:
        raise too_slow_error(limits)
    if ending.status == _KILLED:
        raise too_much_memory_error(limits)
    try:
        if ending.status:
            raise ValueError
        reply = json.loads(memory[:REPLY_BYTES].rstrip(b"\0"))
        if "code" in reply:
            refusal = [str(reply[key]) for key in ("code", "rule", "received", "remedy")]
            raise DecodeError(*refusal)
        height, width = int(reply["height"]), int(reply["width"])
        if height < 1 or width < 1 or height * width > limits.kept_pixels:
            raise ValueError
    except DecodeError:
        raise
    except Exception:  # a reply can be anything, if the child was taken over
        error = broken_file_error("a file that the decoder could not survive")
        raise DecodeError("crashed", error.rule, error.received, error.remedy) from None
    pixels = np.frombuffer(memory, np.uint8, 3 * height * width, REPLY_BYTES)
    return pixels.reshape(height, width, 3)


shared = Pool()
os.register_at_fork(after_in_child=shared.forget)
atexit.register(shared.close)
