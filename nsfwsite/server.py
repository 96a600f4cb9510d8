"""The web server: waitress, with a deadline for every connection.

One thread reads all requests and sends all responses; others run the site. A sender or a reader
that is slow therefore costs memory, never a thread. `docs/reliability.md` has the measurements.
"""

import argparse
import contextlib
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask
from waitress.utilities import BadRequest, Error

from nsfwsite.body_limits import BODY_ERROR, body_limit
from nsfwsite.refusal_status import REQUEST_TIMEOUT

# A connection must send a whole request, or take a whole response, within
# GRACE_SECONDS + bytes / LEAST_BYTES_PER_SECOND.
GRACE_SECONDS = 30
LEAST_BYTES_PER_SECOND = 10_000
HEADER_BYTES = 32 * 1024
CONNECTIONS = 1000
# A request stays in memory up to this size, and is in a file from there on. A file that is sent is
# read in parts of this size.
MEMORY_BYTES = 64 * 1024
# A client that sends too much sees the answer only if we go on reading; we do up to here.
DISCARDED_BYTES = 2 * 2**30


class RequestTimeout(Error):
    code = REQUEST_TIMEOUT
    reason = "Request Timeout"


class Parser(HTTPRequestParser):
    """Hands a request on without its body if that is too large for its address, or for the disk."""

    without_body = False
    body_error: OSError | None = None
    body_rcv: Any = None  # waitress's receiver of the body

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except ValueError as error:  # a length of thousands of digits, an address like http://[
            self.error = BadRequest(str(error))
            self.completed = True
            return len(data)
        except OSError as error:  # the file of the body
            self.body_error = error
            self._leave_out_body(self.content_length)
            return len(data)
        if self.error is None and self.body_rcv is not None:
            size = max(self.content_length, len(self.body_rcv))
            if size > body_limit(self.path)[1]:
                self._leave_out_body(size)
                return len(data)
        return consumed

    def _leave_out_body(self, size: int) -> None:
        """Complete the request without its body, for `BodyLimit` to refuse."""
        with contextlib.suppress(OSError):  # closing writes what is left, and fails on a full disk
            self.body_rcv.getbuf().close()
        self.body_rcv = None
        self.headers |= {"CONTENT_LENGTH": str(size), "CONNECTION": "close"}
        self.expect_continue = False
        self.completed = self.without_body = True


class Task(WSGITask):
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[BODY_ERROR] = self.request.body_error
        return environ


class Channel(HTTPChannel):
    """A connection. It receives a request, waits for the site, sends the response, and so on."""

    parser_class = Parser
    task_class = Task
    sendbuf_len: int
    request: Any = None  # what has arrived of the next request
    discarding = False
    discarded = 0
    served = 0
    stage = ("", 0)
    stage_began = 0.0
    moved = 0  # bytes received or sent in this stage

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Waitress reads this much of a file each time a client takes some of it.
        self.sendbuf_len = min(self.sendbuf_len, MEMORY_BYTES)

    def recv(self, size: int) -> bytes:
        data: bytes = super().recv(size)
        self.moved += len(data)
        return data

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self.moved += sent
        return sent

    def service(self) -> None:
        # Nothing is read between a request and its service, so no rest of its body goes astray.
        self.discarding = self.requests[0].without_body
        super().service()
        self.served += 1

    def readable(self) -> bool:
        return (self.discarding and not self.will_close) or super().readable()

    def received(self, data: bytes) -> bool:
        if not self.discarding:
            return bool(super().received(data))
        self.discarded += len(data)
        if self.discarded > DISCARDED_BYTES:
            self.will_close = True
        return False

    def handle_write(self) -> None:
        if self.discarding:
            self.close_when_flushed = False  # the client closes, or its time runs out
        super().handle_write()

    def close_if_late(self, now: float) -> None:
        stage = ("sending" if self.total_outbufs_len else "working", self.served)
        if stage[0] == "working" and not self.requests:
            stage = ("receiving", self.served)
        if stage != self.stage:
            self.stage, self.stage_began, self.moved = stage, now, 0
        if stage[0] == "working":
            return
        counted = self.moved
        if stage[0] == "receiving":
            counted = min(counted, max(settings.BODY_MAX_BYTES.values()))
        if now - self.stage_began <= GRACE_SECONDS + counted / LEAST_BYTES_PER_SECOND:
            return
        if stage[0] == "receiving" and self.request is not None:
            self._answer_late_request()
        else:
            self.will_close = True
            # Without this, waitress would wait until the client takes more, which it may never do.
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def _answer_late_request(self) -> None:
        with self.requests_lock:
            request, self.request = self.request, None
            request.error = RequestTimeout(
                f"A request must arrive within {GRACE_SECONDS} seconds, and one second more for "
                f"each {LEAST_BYTES_PER_SECOND:,} bytes. Received: part of one. Send it again over "
                "a faster connection, or send less at once."
            )
            self.requests.append(request)
        self.server.add_task(self)


class Server(TcpWSGIServer):
    channel_class = Channel

    def maintenance(self, now: float) -> None:
        for channel in list(self.active_channels.values()):
            channel.close_if_late(time.monotonic())


def without_body_for_head(site: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    """Leave out the body of an answer to HEAD: Django leaves that to the server, as waitress does
    to the site."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = site(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return response
        response.close()
        return []

    return wrapped


def create(site: Callable[..., Any], *, port: int, threads: int, host: str = "127.0.0.1") -> Server:
    """A server that accepts connections once its `run` is called."""
    return Server(
        without_body_for_head(site),
        host=host,
        port=port,
        threads=threads,
        ident="SpeakUp",
        # throttle.py and Django know which proxies are trusted.
        clear_untrusted_proxy_headers=False,
        asyncore_use_poll=True,
        connection_limit=CONNECTIONS,
        cleanup_interval=1,
        max_request_header_size=HEADER_BYTES,
        max_request_body_size=sys.maxsize,
        inbuf_overflow=MEMORY_BYTES,
        recv_bytes=64 * 1024,
        log_socket_errors=False,
    )


def main() -> None:
    from nsfwsite.wsgi import application

    parser = argparse.ArgumentParser(description="Serve the site on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A connection may have three files open: its socket, its request and its response.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
    create(application, port=arguments.port, threads=arguments.threads).run()


if __name__ == "__main__":
    main()
