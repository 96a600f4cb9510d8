"""Each layer of the cage by itself, and all of them: which act does which layer stop?"""

import errno
import os
import socket
import subprocess
import sys

import pytest

from modeltrain.images import cage

ACTS = """
import ctypes, errno, os, socket, sys
from modeltrain.images import cage
layer, act, path, port = sys.argv[1:]
acts = {
    "read a file": lambda: open(path),
    "write a file": lambda: open(path, "w"),
    "list a folder": lambda: os.listdir(os.path.dirname(path)),
    "connect": lambda: socket.socket().connect(("127.0.0.1", int(port))),
    "fork": lambda: os.fork() or os._exit(0),
    "execute": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "signal": lambda: os.kill(os.getppid(), 0),
}
if layer == "rlimits":
    cage.limit_resources(memory_bytes=2**32, cpu_seconds=10)
elif layer != "none":
    assert cage.enter(layer) == [layer]
try:
    acts[act]()
except OSError as error:
    os.write(1, errno.errorcode[error.errno].encode())
    os._exit(0)
os.write(1, b"done")
"""

STOPPED_BY = {
    "none": {},
    "landlock": {
        "read a file": "EACCES",
        "write a file": "EACCES",
        "list a folder": "EACCES",
        "connect": "EACCES",
        "execute": "EACCES",
        "signal": "EPERM",
    },
    "namespaces": {"connect": "ENETUNREACH"},
    "seccomp": dict.fromkeys(
        (
            "read a file",
            "write a file",
            "list a folder",
            "connect",
            "fork",
            "execute",
            "signal",
        ),
        "EPERM",
    ),
    "rlimits": {
        "read a file": "EMFILE",
        "write a file": "EMFILE",
        "list a folder": "EMFILE",
        "connect": "EMFILE",
    },
}


@pytest.mark.parametrize("layer", STOPPED_BY)
def test_each_layer_stops_what_it_is_for(layer, tmp_path):
    if layer in cage.LAYERS and layer not in cage.available_layers():
        pytest.skip(f"This kernel has no {layer}.")
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    outcomes = {}
    with socket.create_server(("127.0.0.1", 0)) as server:
        for act in STOPPED_BY["seccomp"]:
            port = str(server.getsockname()[1])
            command = [sys.executable, "-c", ACTS, layer, act, str(secret), port]
            outcomes[act] = subprocess.run(command, capture_output=True, text=True).stdout
    stopped = {act: outcome for act, outcome in outcomes.items() if outcome not in ("", "done")}
    assert stopped == STOPPED_BY[layer]


def test_a_layer_that_the_kernel_lacks_is_left_out_and_the_others_hold():
    program = (
        "from modeltrain.images import cage\n"
        "def lacking(): raise OSError('no such system call')\n"
        "cage.LAYERS['landlock'] = lacking\n"
        "cage.probe()"
    )
    probed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    layers = [layer for layer in cage.available_layers() if layer != "landlock"]
    assert probed.stdout == str(layers).replace("'", '"')


def test_missing_layers_are_those_that_could_not_be_entered(monkeypatch):
    monkeypatch.setattr(cage, "available_layers", lambda: ("seccomp",))
    assert cage.missing_layers() == ("namespaces", "landlock")


def test_a_machine_without_a_list_of_system_calls_has_no_filter(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        cage.filter_system_calls()


def test_a_failed_system_call_raises_its_error():
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        cage._prctl(-1, 0)
