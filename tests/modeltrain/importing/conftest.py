"""Images of three cats and two dogs, and helpers that import them."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from modeltrain.__main__ import main
from modeltrain.data import dataset
from modeltrain.importing import journal
from tests.modeltrain.conftest import blobs

PETS = {"cats": {"cats/0.jpg", "cats/1.jpg", "cats/2.jpg"}, "dogs": {"dogs/3.jpg", "dogs/4.jpg"}}
LABELS = ["cats", "cats", "cats", "dogs", "dogs"]


def jpeg(number: int) -> bytes:
    """The same blurred image for the same number."""
    file = io.BytesIO()
    Image.fromarray(blobs(number)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def pets(tmp_path):
    """The images in class folders."""
    for number, label in enumerate(LABELS):
        folder = tmp_path / "pets" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    return tmp_path / "pets"


def run_import(out, *arguments):
    """Run the verb and return its exit status and the taken sources by label."""
    status = main(["import", "--json-progress", *map(str, arguments), f"--out={out}"])
    if not (out / "manifest.jsonl").exists():
        return status, None
    taken = {}
    for row in dataset.load(out).rows:
        taken.setdefault(row.label, set()).add(row.source)
    return status, taken


def journal_lines(out):
    """Return the journal's lines by source."""
    lines = (out / journal.JOURNAL_FILE).read_text().splitlines()
    return {line["source"]: line for line in map(json.loads, lines)}


def left_out(out):
    """Return, by source, the rule that was broken and what was received."""
    return {
        source: f"{line['rule']} {line['received']}"
        for source, line in journal_lines(out).items()
        if line["outcome"] == "left out"
    }


def problems(capsys):
    """Return the problems that the verb reported."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["problems"]


class Site:
    """A web site on loopback with configurable responses that records the requests it received."""

    def __init__(self):
        self.responses = {}
        self.requests = []
        self.agents = set()
        self.closing = threading.Event()  # set when the test ends, to end slow responses

    def add(self, path, body=b"", *, status=200, headers=None, slow=None):
        """Set the response for a path; `slow` is the delay in seconds before each byte."""
        self.responses[path] = (status, body, headers or {}, slow)

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.requests.append(self.path)
        site.agents.add(self.headers["User-Agent"])
        response = site.responses.get(self.path, (404, b"gone", {}, None))
        status, body, headers, slow = response() if callable(response) else response
        try:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [body[n : n + 1] for n in range(len(body))] if slow else [body]:
                if slow and site.closing.wait(slow):
                    return
                self.wfile.write(piece)
        except OSError:  # the client has closed the connection
            self.close_connection = True

    def log_message(self, *_):
        pass


def _serve(site, address):
    server = ThreadingHTTPServer((address, getattr(site, "port", 0)), _Handler)
    server.daemon_threads = True
    server.site = site
    site.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    return server


@pytest.fixture
def site():
    """A site on 127.0.0.1."""
    site = Site()
    server = _serve(site, "127.0.0.1")
    yield site
    site.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def internal_site(site):
    """Another site, with the same port on 127.0.0.2, that must never receive a request."""
    internal = Site()
    internal.port = site.port
    server = _serve(internal, "127.0.0.2")
    internal.add("/secret", b"secret")
    yield internal
    internal.closing.set()
    server.shutdown()
    server.server_close()
