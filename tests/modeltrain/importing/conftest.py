"""Three cats and two dogs, and what came of importing them."""

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
    """The same soft picture for the same number."""
    out = io.BytesIO()
    Image.fromarray(blobs(number)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def pets(tmp_path):
    """In class folders."""
    for number, label in enumerate(LABELS):
        folder = tmp_path / "pets" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    return tmp_path / "pets"


def imported(out, *arguments):
    """Run the verb and return its exit status and the taken sources by label."""
    status = main(["import", "--json-progress", *map(str, arguments), f"--out={out}"])
    if not (out / "manifest.jsonl").exists():
        return status, None
    found = {}
    for row in dataset.load(out).rows:
        found.setdefault(row.label, set()).add(row.source)
    return status, found


def met(out):
    """Return the journal's lines by source."""
    lines = (out / journal.NAME).read_text().splitlines()
    return {line["source"]: line for line in map(json.loads, lines)}


def told(out):
    """Return the rules that were broken, with what was received, by source."""
    return {
        source: f"{line['rule']} {line['received']}"
        for source, line in met(out).items()
        if line["outcome"] == "left out"
    }


def problems(capsys):
    """Return what the verb says went wrong."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["problems"]


class Site:
    """A web site on loopback that answers as it is told, and remembers what it was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.agents = set()
        self.open = threading.Event()  # set when the test ends: slow answers end too

    def add(self, path, body=b"", *, status=200, headers=None, slow=None):
        """Answer a path; `slow` is seconds before each byte, or before the first of none."""
        self.answers[path] = (status, body, headers or {}, slow)

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.asked.append(self.path)
        site.agents.add(self.headers["User-Agent"])
        answer = site.answers.get(self.path, (404, b"gone", {}, None))
        status, body, headers, slow = answer() if callable(answer) else answer
        try:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [body[n : n + 1] for n in range(len(body))] if slow else [body]:
                if slow and site.open.wait(slow):
                    return
                self.wfile.write(piece)
        except OSError:  # the other side has heard enough
            self.close_connection = True

    def log_message(self, *_):
        pass


def _serve(site, address):
    server = ThreadingHTTPServer((address, getattr(site, "port", 0)), _Answer)
    server.daemon_threads = True
    server.site = site
    site.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    return server


@pytest.fixture
def site():
    """On 127.0.0.1."""
    one = Site()
    server = _serve(one, "127.0.0.1")
    yield one
    one.open.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(site):
    """Another site, with the same port on 127.0.0.2, where nobody from outside may come."""
    one = Site()
    one.port = site.port
    server = _serve(one, "127.0.0.2")
    one.add("/secret", b"secret")
    yield one
    one.open.set()
    server.shutdown()
    server.server_close()
