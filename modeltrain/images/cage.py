"""A cage around the process that decodes strangers' files: what the kernel lets it do.

Each layer is a function of its own. Each raises `OSError` where the kernel lacks it, and the
decoder then runs with the layers that are left. The standard library alone, and no module of this
project, so that a decoding process starts fast.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SYS_LANDLOCK_CREATE_RULESET = 444  # the same on every architecture, as all since 2019
_SYS_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


def _check(result: int) -> int:
    """Raise the system call's error, if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def drop_privileges() -> None:
    """Gain no rights by executing a file, and let nobody read this process's memory."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """Have this process killed when its parent ends, also if it has already ended.

    Parameters
    ----------
    parent : int
        Its process ID, read before the fork. It must have one thread: the kernel watches the
        thread that forked.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def isolate() -> None:
    """Enter namespaces of its own: no network, no other process's shared memory, no capability.

    Raises
    ------
    OSError
        When this user may not create user namespaces.
    """
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC))
    header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)))  # the first process of a user namespace has them all


def forbid_files_and_network() -> None:
    """Open no file and no TCP connection any more, by Landlock.

    Files that are open stay open. Newer kernels also forbid signals to processes outside and
    abstract Unix sockets.

    Raises
    ------
    OSError
        When the kernel has no Landlock, or it is switched off.
    """
    abi = _check(
        _libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    )
    file_rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)  # how many this version knows
    network_rights = 0b11 if abi >= 4 else 0
    scopes = 0b11 if abi >= 6 else 0
    handled = struct.pack("=QQQ", (1 << file_rights) - 1, network_rights, scopes)
    ruleset = _check(_libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, handled, len(handled), 0))
    try:
        _check(_libc.syscall(_SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def limit_resources(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Limit memory and processor time; write and open nothing.

    Parameters
    ----------
    memory_bytes : int
        Of address space, with what the process has already.
    cpu_seconds : int
        Of processor time since the process started. Beyond it the kernel sends SIGXCPU, a second
        later SIGKILL.
    """
    for limit, soft, hard in (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(limit, (soft, hard))


# What a process that only computes needs, by architecture: no file, socket, process or signal. The
# reader of HEIC needs threads, so `clone` is allowed for those; glibc uses it where it finds no
# `clone3`, whose flags a filter cannot read.
_ALLOWED = {
    # AUDIT_ARCH_X86_64
    "x86_64": (0xC000003E, {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10,
        "munmap": 11, "brk": 12, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24,
        "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "gettimeofday": 96, "gettid": 186,
        "futex": 202, "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231,
        "set_robust_list": 273, "getrandom": 318, "rseq": 334,
    }, 56),
    # AUDIT_ARCH_AARCH64
    "aarch64": (0xC00000B7, {
        "close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93,
        "exit_group": 94, "futex": 98, "set_robust_list": 99, "clock_gettime": 113,
        "sched_yield": 124, "restart_syscall": 128, "rt_sigprocmask": 135, "rt_sigreturn": 139,
        "gettimeofday": 169, "getpid": 172, "gettid": 178, "brk": 214, "munmap": 215, "mremap": 216,
        "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "rseq": 293,
    }, 220),
}  # fmt: skip
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_SYS_CLONE3 = 435
_CLONE_THREAD = 0x00010000


def filter_system_calls() -> None:
    """Refuse every system call with EPERM but those of a process that only computes.

    It cannot open files, make sockets, fork, execute, trace or signal, or raise its own limits.
    `drop_privileges` must come first.

    Raises
    ------
    OSError
        When the kernel has no seccomp, or nobody listed the calls of this architecture.
    """
    if platform.machine() not in _ALLOWED:
        raise OSError(f"There is no list of system calls for {platform.machine()}.")
    architecture, calls, clone = _ALLOWED[platform.machine()]
    # Jumps count the instructions to skip: those after the checks are numbered.
    checks = [
        (_JUMP_IF_EQUAL, len(calls) - index + 4, 0, number)  # to 6
        for index, number in enumerate(sorted(calls.values()))
    ]
    program = [
        (_LOAD, 0, 0, 4),  # the architecture: numbers mean other calls in another one
        (_JUMP_IF_EQUAL, 0, len(calls) + 5, architecture),  # to 5
        (_LOAD, 0, 0, 0),  # the number of the call
        *checks,
        (_JUMP_IF_EQUAL, 5, 0, _SYS_CLONE3),  # 1; to 7
        (_JUMP_IF_EQUAL, 0, 2, clone),  # 2; to 5
        (_LOAD, 0, 0, 16),  # 3: the first argument, which is its flags
        (_JUMP_IF_SET, 1, 0, _CLONE_THREAD),  # 4; to 6
        (_RETURN, 0, 0, _FAIL | errno.EPERM),  # 5
        (_RETURN, 0, 0, _ALLOW),  # 6
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),  # 7
    ]
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    filter_program = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program, 0, 0))


LAYERS: dict[str, Callable[[], None]] = {
    "namespaces": isolate,
    "landlock": forbid_files_and_network,
    "seccomp": filter_system_calls,
}


def enter(*names: str) -> list[str]:
    """Put these layers around this process, as far as the kernel has them.

    Parameters
    ----------
    *names : str
        Of `LAYERS`, in this order.

    Returns
    -------
    list of str
        The layers that hold.
    """
    drop_privileges()
    layers = []
    for name in names:
        try:
            LAYERS[name]()
        except OSError:
            continue
        layers.append(name)
    return layers


_PROBE = "import sys; sys.path += sys.argv[1:]; from modeltrain.images import cage; cage.probe()"


def probe() -> None:
    """Enter every layer and print which hold: the program of `available_layers`."""
    out = sys.stdout
    json.dump(enter(*LAYERS), out)
    out.flush()
    os._exit(0)


@cache
def available_layers() -> tuple[str, ...]:
    """Return the layers that hold on this machine, by trying each once in a process of its own.

    Returns
    -------
    tuple of str
        Of `LAYERS`.
    """
    project = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-I", "-S", "-B", "-c", _PROBE, project]
    probed = subprocess.run(command, capture_output=True, check=True, env={}, timeout=60)  # noqa: S603
    return tuple(json.loads(probed.stdout))


def missing_layers() -> tuple[str, ...]:
    """Return the layers that this machine's kernel lacks.

    Returns
    -------
    tuple of str
        Of `LAYERS`.
    """
    return tuple(name for name in LAYERS if name not in available_layers())
