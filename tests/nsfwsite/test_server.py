"""Real sockets: slow, lying and greedy clients make nobody else wait, and are told why."""

import contextlib
import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
from django.utils import timezone
from waitress import wasyncore

from feedback.models import ModelVersion
from nsfwsite import server
from nsfwsite.wsgi import application
from setup import supervision
from tests.conftest import ROOT

MEBIBYTE = 2**20
LIVE = "/health/live/"


@contextlib.contextmanager
def running(threads: int = 2):
    site = server.create(application, port=0, threads=threads)
    loop = threading.Thread(
        target=wasyncore.loop, kwargs={"timeout": 0.1, "use_poll": True, "map": site._map}
    )
    loop.start()
    try:
        yield int(site.effective_port)
    finally:
        site.task_dispatcher.shutdown()
        wasyncore.close_all(site._map, ignore_all=True)
        loop.join()


@pytest.fixture
def port():
    with running() as number:
        yield number


def connected(port: int, first: bytes, *, small_window: bool = False) -> socket.socket:
    client = socket.socket()
    if small_window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    client.sendall(first)
    return client


def answers_to(port: int, sent: bytes) -> bytes:
    """Everything that the server says until it closes the connection."""
    with connected(port, sent) as client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def visit(port: int, path: str = LIVE) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_command_of_the_supervisor_serves_until_it_is_stopped(tmp_path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    commands = supervision.programs(data_dir=tmp_path, port=port, threads=2, own_redis=False)
    site = subprocess.Popen(commands["web"].split(), cwd=ROOT)
    try:
        wait_until(lambda: answers(port))
        assert visit(port) == 200
    finally:
        site.terminate()
    assert site.wait(timeout=20) == 0


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_slow_senders_hold_no_thread(port) -> None:
    body = request("/", "Content-Length: 1000000", method="POST") + b"x"
    slow = [connected(port, start) for start in (b"GET / HTTP/1.1\r\nX-Slow: ", body) * 10]
    assert [visit(port) for _ in range(5)] == [200] * 5
    for client in slow:
        client.sendall(b"x")  # none was closed meanwhile
        client.close()


@pytest.mark.django_db(transaction=True)
def test_slow_readers_of_a_model_hold_no_thread(port, settings) -> None:
    path = large_model(settings)
    slow = [connected(port, request(path), small_window=True) for _ in range(10)]
    assert all(client.recv(15) == b"HTTP/1.1 200 OK" for client in slow)
    assert [visit(port) for _ in range(5)] == [200] * 5
    for client in slow:
        client.close()


def large_model(settings) -> str:
    sha256 = "5" * 64
    ModelVersion.objects.create(
        number=1, sha256=sha256, title="Large", status="champion", promoted_at=timezone.now()
    )
    graph = settings.ARTIFACTS_DIR / sha256[:12] / "model.onnx"
    graph.parent.mkdir(parents=True, exist_ok=True)
    with graph.open("wb") as file:
        file.truncate(40 * MEBIBYTE)
    return f"/artifacts/{sha256}/model.onnx"


def test_a_slow_sender_is_told_so_and_let_go(port, monkeypatch) -> None:
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.5)
    for start in (
        b"GET / HTTP/1.1\r\nX-Slow: ",
        request("/", "Content-Length: 1000000", method="POST") + b"x",
    ):
        assert b"408 Request Timeout" in answers_to(port, start)


def test_a_connection_without_a_request_is_closed(port, monkeypatch) -> None:
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.5)
    assert answers_to(port, b"") == b""
    with connected(port, b"") as client, pytest.raises(OSError, match=r"[Rr]eset|pipe"):
        send_empty_lines(client)


def send_empty_lines(client: socket.socket) -> None:
    """Empty lines are no request."""
    for _ in range(100):
        client.sendall(b"\r\n\r\n")
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_stops_is_closed(port, settings, monkeypatch) -> None:
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(server, "LEAST_BYTES_PER_SECOND", 1e9)
    with connected(port, request(large_model(settings)), small_window=True) as client:
        time.sleep(4)
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := client.recv(MEBIBYTE):
                received += len(data)
    assert 0 < received < 40 * MEBIBYTE


def test_a_sender_that_is_fast_enough_may_take_longer(port, monkeypatch) -> None:
    monkeypatch.setattr(server, "GRACE_SECONDS", 1)
    monkeypatch.setattr(server, "LEAST_BYTES_PER_SECOND", 10)
    with connected(port, request(LIVE, "Content-Length: 40")) as client:
        for _ in range(4):
            client.sendall(b"x" * 10)
            time.sleep(0.7)
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("mebibytes", [101, 1024])
def test_who_sends_too_much_sees_why(port, mebibytes) -> None:
    size = mebibytes * MEBIBYTE
    start = request("/report/", f"Content-Length: {size}", "Accept: text/html", method="POST")
    with connected(port, start) as client:
        chunk = b"x" * MEBIBYTE
        for _ in range(mebibytes):
            client.sendall(chunk)
        answer = client.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "Connection: close" in answer
    assert f"{size:,} bytes" in answer


def test_who_sends_chunks_without_end_sees_why(port) -> None:
    start = request("/api/v1/classifications/", "Transfer-Encoding: chunked", method="POST")
    with connected(port, start) as client:
        for _ in range(30):
            client.sendall(b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n")
        answer = client.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "application/problem+json" in answer
    assert "A classification request must be at most 16 MiB" in answer


def test_who_asks_before_sending_is_refused_before_sending(port) -> None:
    headers = ("Content-Length: 17000000", "Expect: 100-continue")
    with connected(port, request("/", *headers, method="POST")) as client:
        assert client.recv(12) == b"HTTP/1.1 413"


def test_nothing_of_a_body_that_is_too_large_is_stored() -> None:
    adjustments = server.create(application, port=0, threads=1).adj
    declared = server.Parser(adjustments)
    declared.received(request("/", "Content-Length: 17000000", method="POST"))
    assert (declared.completed, declared.body_rcv) == (True, None)
    chunked = server.Parser(adjustments)
    chunked.received(request("/", "Transfer-Encoding: chunked", method="POST"))
    received = 0
    while not chunked.completed:
        received += MEBIBYTE
        chunked.received(b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n")
    assert received == 17 * MEBIBYTE
    assert chunked.body_rcv is None


@pytest.mark.parametrize(
    "start",
    [
        request("/", "Content-Length: many", method="POST"),
        request("/", f"Content-Length: {'9' * 5000}", method="POST"),
        request("/", "Content-Length: 5, 6", method="POST"),
        request("http://["),
        b"no request\r\n\r\n",
    ],
)
def test_a_request_that_cannot_be_read_is_refused(port, start) -> None:
    assert b" 400 Bad Request\r\n" in answers_to(port, start)[:30]


def test_headers_without_end_are_refused(port) -> None:
    answer = answers_to(port, request("/", f"X-Long: {'x' * server.HEADER_BYTES}"))
    assert b"431 Request Header Fields Too Large" in answer


def test_more_than_the_declared_body_is_another_request(port) -> None:
    answer = answers_to(port, request(LIVE, "Content-Length: 2") + b"xxyy\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b" 400 Bad Request\r\n" in answer


def test_an_answer_to_head_has_no_body(port) -> None:
    answer = answers_to(
        port, request(LIVE, method="HEAD") + request(LIVE, "Connection: close", method="HEAD")
    )
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"Content-Length: ") == 2
    assert b"live" not in answer


@pytest.mark.django_db(transaction=True)
def test_a_part_of_a_model_is_sent_and_no_more(port, settings) -> None:
    answer = answers_to(
        port, request(large_model(settings), "Range: bytes=1-4", "Connection: close")
    )
    assert answer.startswith(b"HTTP/1.1 206")
    assert answer.endswith(b"\r\n\r\n\0\0\0\0")
