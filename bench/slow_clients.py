"""Do slow clients make other visitors wait?

    PYTHONPATH=. .venv/bin/python bench/slow_clients.py

Ten honest visits a second go to the home page while others send a byte a second, read an 89 MB
model at 1 kB/s, or keep idle connections open. Prints a row for each attack: the 95th percentile of
the honest visits, and how many of them failed. `--command` measures another server instead of the
site's own; `{port}` in it is replaced.
"""

import argparse
import http.client
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.temporary_site import temporary_site
from setup import supervision

VISITS_PER_SECOND = 10
VISIT_TIMEOUT = 10.0
MODEL_BYTES = 89_000_000
SHA256 = "5" * 64

Client = Callable[[int], tuple[socket.socket, Callable[[socket.socket], object]]]


def slow_headers(port: int) -> tuple[socket.socket, Callable[[socket.socket], object]]:
    return _connected(port, b"GET / HTTP/1.1\r\nX-Slow: "), lambda client: client.send(b"x")


def slow_body(port: int) -> tuple[socket.socket, Callable[[socket.socket], object]]:
    start = (
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    return _connected(port, start.encode()), lambda client: client.send(b"x")


def slow_reader(port: int) -> tuple[socket.socket, Callable[[socket.socket], object]]:
    request = f"GET /artifacts/{SHA256}/model.onnx HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return _connected(port, request.encode()), lambda client: client.recv(1000)


def idler(port: int) -> tuple[socket.socket, Callable[[socket.socket], object]]:
    request = b"GET /health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return _connected(port, request), lambda _: None


def _connected(port: int, first: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(2)
    client.connect(("127.0.0.1", port))
    client.send(first)
    client.settimeout(0)
    return client


@contextmanager
def attack(port: int, clients: list[Client]) -> Iterator[None]:
    """Keep these clients going, once a second each, and replace those that are closed."""
    stopped = threading.Event()

    def run() -> None:
        connections: dict[int, tuple[socket.socket, Callable[[socket.socket], object]]] = {}
        while not stopped.wait(1):
            for number, connect in enumerate(clients):
                try:
                    if number not in connections:
                        connections[number] = connect(port)
                    client, step = connections[number]
                    step(client)
                except BlockingIOError:
                    pass
                except OSError:
                    connections.pop(number, None)
        for client, _ in connections.values():
            client.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def visits(port: int, seconds: int) -> list[float | None]:
    """Seconds that each honest visit took; None for one that failed."""

    def visit(_: int) -> float | None:
        start_time = time.perf_counter()
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=VISIT_TIMEOUT)
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return time.perf_counter() - start_time
        return None

    with ThreadPoolExecutor(200) as pool:
        answers = []
        for number in range(seconds * VISITS_PER_SECOND):
            answers.append(pool.submit(visit, number))
            time.sleep(1 / VISITS_PER_SECOND)
        return [answer.result() for answer in answers]


@contextmanager
def served(command: str, folder: Path) -> Iterator[None]:
    with (folder / "web.log").open("wb") as log:
        server = subprocess.Popen(
            shlex.split(command), env=dict(os.environ), stdout=log, stderr=log
        )
        try:
            yield
        finally:
            server.terminate()
            server.wait()


def wait_until_served(port: int) -> None:
    deadline = time.monotonic() + 180
    while visits(port, 1).count(None):
        if time.monotonic() > deadline:
            raise SystemExit("The server did not answer within 180 seconds.")


def add_model(folder: Path) -> None:
    """A champion whose graph is as large as the published one."""
    from django.utils import timezone

    from feedback.models import ModelVersion

    ModelVersion.objects.create(
        number=1,
        sha256=SHA256,
        title="Large",
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
    )
    graph = folder / "artifacts" / SHA256[:12] / "model.onnx"
    graph.parent.mkdir(parents=True)
    graph.write_bytes(os.urandom(1_000_000) * (MODEL_BYTES // 1_000_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--command", default="")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    attacks: dict[str, list[Client]] = {
        "nobody else": [],
        "50 send a byte of their headers a second": [slow_headers] * 50,
        "50 send a byte of their body a second": [slow_body] * 50,
        "24 read the model at 1 kB/s": [slow_reader] * 24,
        "300 idle connections": [idler] * 300,
        "all of these": [slow_headers] * 50 + [slow_body] * 50 + [slow_reader] * 24 + [idler] * 300,
    }
    with temporary_site() as folder:
        add_model(folder)
        commands = supervision.programs(data_dir=folder, port=port, threads=24, own_redis=False)
        command = arguments.command.format(port=port) or commands["web"]
        print("| meanwhile | honest visits | p95 | failed |\n|---|---|---|---|", flush=True)
        for name, clients in attacks.items():
            with served(command, folder):
                wait_until_served(port)
                with attack(port, clients):
                    time.sleep(5)
                    answers = visits(port, arguments.seconds)
            taken = sorted(answer for answer in answers if answer is not None)
            p95 = f"{1000 * taken[int(0.95 * len(taken))]:.0f} ms" if taken else "–"
            print(f"| {name} | {len(answers)} | {p95} | {answers.count(None)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
