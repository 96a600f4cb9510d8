"""The pool of decoding processes, with children that misbehave in every way."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modeltrain.images import cage, pool
from modeltrain.images.codec import DecodeError, Limits, MachineBusy, decode
from modeltrain.images.pool import Pool

PROGRAM = """
import os, sys
sys.path += sys.argv[2:]
import errno, json, mmap, resource, signal, socket, threading
from modeltrain.images import child

def sleep(seconds):  # the cage has no other way
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=seconds)

def reply(value):
    text = json.dumps(value).encode()
    memory[:len(text)] = text

def decode():
    child.decode_shared(memory, length, limits)

def work(*arguments):
    global memory, length, limits
    memory, length, limits = arguments
{body}

child.serve(work)
"""


def png(seed=1, size=(24, 16)):
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def make_pool():
    """Pools whose children do what a test says."""
    pools = []

    def make(work="decode()"):
        pools.append(Pool(PROGRAM.format(body=textwrap.indent(work, "    "))))
        return pools[-1]

    yield make
    for running in pools:
        running.close()


@pytest.fixture(scope="module")
def obedient_pool():
    """A pool whose children run the Python that they are sent in place of an image."""
    running = Pool(
        PROGRAM.format(body="    exec(memory[child.REPLY_BYTES : child.REPLY_BYTES + length])")
    )
    yield running
    running.close()


def refusal(pool, data=None, **limits):
    with pytest.raises(DecodeError) as error:
        pool.decode(data or png(), limits=Limits(**limits))
    return error.value.code


def template_pid(pool):
    """The process ID of its only template, which waits for work."""
    (template,) = pool._idle
    return template._process.pid


def is_running(pid):
    """Is there such a process, a zombie included?"""
    return Path(f"/proc/{pid}").exists()


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_template_decodes_image_after_image_with_a_child_for_each(make_pool):
    pool = make_pool("decode(); memory[4096:4104] = os.getpid().to_bytes(8)")
    images = [pool.decode(png(), limits=Limits())[0].ravel() for _ in range(3)]
    assert len({image[:8].tobytes() for image in images}) == 3
    assert all((image[8:] == decode(png()).ravel()[8:]).all() for image in images)
    assert len(pool._templates) == 1


def test_threads_share_a_template_for_each_core(make_pool):
    pool = make_pool()
    with ThreadPoolExecutor(8) as threads:
        images = list(
            threads.map(lambda seed: pool.decode(png(seed), limits=Limits())[0], range(24))
        )
    for seed, pixels in enumerate(images):
        assert (pixels == decode(png(seed))).all()
    assert len(pool._templates) <= os.cpu_count()


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("os._exit(3)", "crashed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),  # refused by the cage
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("raise SystemExit", "crashed"),
        ("pass", "crashed"),
        ("memory[:7] = b'no JSON'", "crashed"),
        ("memory[:4096] = b'[' * 4096", "crashed"),
        ("reply([1, 2])", "crashed"),
        ("reply(None)", "crashed"),
        ("reply({'width': 90000, 'height': 90000})", "crashed"),
        ("reply({'width': -1, 'height': -1})", "crashed"),
        ("reply({'width': 1e400, 'height': 1})", "crashed"),
        ("reply({'code': 'rude', 'rule': 1})", "crashed"),
        ("bytearray(2**30)", "crashed"),
        ("while True: pass", "too_slow"),
    ],
)
def test_a_child_that_crashes_or_lies_gives_a_refusal_and_its_template_goes_on(
    obedient_pool, work, code
):
    fine = b"reply({'code': 'fine', 'rule': '', 'received': '', 'remedy': ''})"
    assert refusal(obedient_pool, fine) == "fine"
    template = template_pid(obedient_pool)
    assert refusal(obedient_pool, work.encode(), cpu_seconds=1) == code
    assert refusal(obedient_pool, fine) == "fine"
    assert template_pid(obedient_pool) == template


def child_at_work(template: int) -> int:
    """Wait until a template has forked a child, and return its process id."""
    children = Path(f"/proc/{template}/task/{template}/children")
    wait_until(children.read_text)
    return int(children.read_text())


def test_a_child_that_is_killed_is_tried_again(make_pool, tmp_path):
    """As when the kernel needs memory for another process."""
    pool = make_pool("sleep(0.5); decode()")
    pool.decode(png(), limits=Limits())
    template = template_pid(pool)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(pool.decode, png(), limits=Limits())
        os.kill(child_at_work(template), signal.SIGKILL)
        assert (future.result()[0] == decode(png())).all()
    assert template_pid(pool) == template


def test_an_image_whose_children_are_killed_three_times_needs_too_much_memory(make_pool):
    pool = make_pool("sleep(60)")
    stop = threading.Event()

    def kill_children():
        while not stop.is_set():
            for template in list(pool._templates):
                pid = template._process.pid
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                for child in children.split():
                    os.kill(int(child), signal.SIGKILL)
            time.sleep(0.05)

    killer = threading.Thread(target=kill_children)
    killer.start()
    try:
        assert refusal(pool) == "too_much_memory"
    finally:
        stop.set()
        killer.join()


def test_a_template_that_is_killed_is_replaced(make_pool):
    pool = make_pool()
    pool.decode(png(), limits=Limits())
    template = template_pid(pool)
    os.kill(template, signal.SIGKILL)
    wait_until(lambda: not is_running(template))  # no zombie either
    pool.decode(png(), limits=Limits())
    assert template_pid(pool) != template


def test_a_template_that_is_killed_at_work_is_replaced_and_the_image_tried_again(make_pool):
    pool = make_pool("sleep(0.5); decode()")
    pool.decode(png(), limits=Limits())
    template = template_pid(pool)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(pool.decode, png(), limits=Limits())
        child = child_at_work(template)
        os.kill(template, signal.SIGKILL)
        assert (future.result()[0] == decode(png())).all()
    wait_until(lambda: not is_running(child))


def test_an_image_that_gets_no_processor_time_is_not_refused(make_pool):
    pool = make_pool("sleep(60)")
    with pytest.raises(MachineBusy, match="processor time"):
        pool.decode(png(), limits=Limits(wall_seconds=0.3))
    assert not pool._templates  # the child that hung is gone with its template


def test_time_that_others_use_is_not_held_against_an_image(make_pool):
    pool = make_pool("sleep(2.5); decode()")
    pixels, ending = pool.decode(png(), limits=Limits(cpu_seconds=1))
    assert (pixels == decode(png())).all()
    assert ending.cpu_seconds < 1


def test_no_memory_of_an_image_is_left_for_the_next(make_pool):
    """Each image has its own allowance, however many came before."""
    pool = make_pool("global leak\nleak = bytearray(2**26)\ndecode()")
    for _ in range(3):
        _, ending = pool.decode(png(), limits=Limits())
    assert 2**26 < ending.peak_bytes < 2 * 2**26


def test_a_bomb_costs_little_and_so_does_what_follows(make_pool):
    """6,324 × 6,324 pixels in 5 kB."""
    file = io.BytesIO()
    Image.new("1", (6324, 6324)).save(file, "PNG")
    pixels, ending = make_pool().decode(file.getvalue(), limits=Limits())
    assert pixels.shape == (1581, 1581, 3)
    assert ending.peak_bytes < 300e6


def progressive(size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 99).save(file, "JPEG", progressive=True, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("size", "mode", "subsampling"),
    [
        ((6200, 6200), "RGB", "4:2:0"),
        ((5190, 5190), "RGB", "4:4:4"),
        ((4730, 4730), "CMYK", "4:4:4"),
        ((6324, 6324), "L", "4:4:4"),
    ],
)
def test_the_largest_progressive_files_need_less_than_300_megabytes(
    make_pool, size, mode, subsampling
):
    data = progressive(size, mode, subsampling=subsampling)
    _, ending = make_pool().decode(data, limits=Limits())
    assert 200e6 * (mode != "L") < ending.peak_bytes < 300e6


@pytest.mark.parametrize(
    ("size", "subsampling", "received"),
    [((6324, 6324), "4:2:0", "267 MiB"), ((5250, 5250), "4:4:4", "263 MiB")],
)
def test_larger_progressive_files_are_refused_before_they_are_decoded(
    make_pool, size, subsampling, received
):
    data = progressive(size, subsampling=subsampling)
    with pytest.raises(DecodeError) as error:
        make_pool().decode(data, limits=Limits())
    assert error.value.code == "too_much_memory"
    assert error.value.received == f"one that needs {received}"
    assert "without “progressive”" in error.value.remedy


CAGED_ACTS = {
    "read a file": "open('{path}')",
    "write a file": "open('{path}', 'w')",
    "make a socket": "socket.socket()",
    "fork": "os.fork()",
    "execute": "os.execv('/bin/true', ['true'])",
    "signal its template": "os.kill(os.getppid(), 9)",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
}


@pytest.mark.parametrize("act", CAGED_ACTS)
def test_a_child_of_the_pool_can_only_compute(obedient_pool, tmp_path, act):
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    attempt = CAGED_ACTS[act].format(path=secret)
    code = (
        f"try:\n    {attempt}\n    outcome = 'done'\n"
        "except OSError as error:\n    outcome = errno.errorcode[error.errno]\n"
        "except ValueError:\n    outcome = 'EPERM'  # as Python says it of limits\n"
        "reply({'code': outcome, 'rule': '', 'received': '', 'remedy': ''})"
    )
    if "seccomp" not in cage.available_layers():
        pytest.skip("This kernel has no seccomp.")
    assert refusal(obedient_pool, code.encode()) == "EPERM"
    assert secret.read_text() == "s3cret"


def test_a_child_sees_no_environment(make_pool, monkeypatch):
    monkeypatch.setenv("SPEAKUP_SECRET", "s3cret")
    pool = make_pool(
        "reply({'code': str(sorted(os.environ)), 'rule': '', 'received': '', 'remedy': ''})"
    )
    assert "SPEAKUP" not in refusal(pool)


def test_a_forked_process_starts_templates_of_its_own():
    """As Celery and gunicorn fork their workers."""
    pool.shared.decode(png(), limits=Limits())
    template = template_pid(pool.shared)
    child = os.fork()
    if not child:
        pixels, _ = pool.shared.decode(png(2), limits=Limits())
        own = template_pid(pool.shared)
        os._exit(0 if (pixels == decode(png(2))).all() and own != template else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert (pool.shared.decode(png(3), limits=Limits())[0] == decode(png(3))).all()
    assert template_pid(pool.shared) == template


def test_templates_and_children_end_with_their_parent(tmp_path):
    """Also when it is killed while a child hangs, and when a thread started them that is gone."""
    program = f"""
import sys, threading
from pathlib import Path
from modeltrain.images.decoder import Limits
from modeltrain.images.pool import Pool
from tests.modeltrain.images.test_pool import PROGRAM, png
pool = Pool(PROGRAM.format(body="    sleep(60 if length > 2000 else 0); decode()"))
thread = threading.Thread(target=pool.decode, args=(png(),), kwargs=dict(limits=Limits()))
thread.start(); thread.join()
pool.decode(png(), limits=Limits())
(template,) = pool._templates
Path({str(tmp_path / "pid")!r}).write_text(f"{{template._process.pid}}\\n")
pool.decode(png(size=(40, 40)), limits=Limits())
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    written = tmp_path / "pid"
    wait_until(lambda: written.exists() and written.read_text().endswith("\n"))
    template = int(written.read_text())
    children = Path(f"/proc/{template}/task/{template}/children")
    wait_until(children.read_text)
    child = int(children.read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(template) and not is_running(child))
