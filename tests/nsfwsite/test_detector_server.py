"""The detector as a process of its own, asked over HTTP."""

import http.client
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import requests

from modeltrain.images.codec import to_png
from tests.conftest import ROOT
from tests.modeltrain.conftest import drawing

KEY = "a token"
PACKAGE = ROOT / "node_modules" / "nsfwjs"
CLASSES = ["Drawing", "Hentai", "Neutral", "Porn", "Sexy"]


@pytest.fixture(scope="module")
def detector(published):
    """Its address. It has no settings of a site, and no place to keep anything."""
    environment = {"PATH": os.environ["PATH"], "DETECTOR_KEY": KEY}
    command = [sys.executable, "-m", "nsfwsite.detector_server", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--artifact", published.path],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        greeting = process.stdout.readline()
        assert published.version in greeting
        yield next(word for word in greeting.split() if word.startswith("http"))
    finally:
        process.terminate()
        assert process.wait(20) == 0


def ask(detector, *images: bytes, key: str = KEY):
    files = [("file", ("image.png", image, "image/png")) for image in images]
    return requests.post(
        detector, files=files, headers={"Authorization": f"Bearer {key}"}, timeout=60
    )


def test_a_script_in_node_gets_the_probabilities_of_the_package(detector, tmp_path):
    images = [drawing(number) for number in range(4)]
    (tmp_path / "images.bin").write_bytes(b"".join(image.tobytes() for image in images))
    files = []
    for number, image in enumerate(images):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(to_png(image))

    answer = _node(ROOT / "tests/nsfwsite/detector/client.mjs", detector, KEY, *files)
    expected = _node(
        ROOT / "tests/modeltrain/network/reference.mjs", PACKAGE, tmp_path / "images.bin"
    )

    assert answer["success"] is True
    received = []
    for entry in answer["result"]["results"]:
        scores = {row["className"]: row["probability"] for row in entry["predictions"]}
        received.append([scores[name] for name in CLASSES])
    np.testing.assert_allclose(received, expected, atol=1e-3)


def _node(script, *arguments):
    process = subprocess.run(
        ["node", script, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(process.stdout)


def test_broken_and_large_images_do_not_keep_the_others_from_an_answer(detector):
    images = [to_png(drawing(0)), b"broken", to_png(drawing(1, size=300))]
    answer = ask(detector, *images).json()
    first, broken, large = answer["result"]["results"]
    assert first["success"] is True
    assert broken["error"]["code"] == "IMAGE_DECODE_FAILED"
    assert large["error"]["code"] == "REQUEST_TOO_LARGE"


def test_another_key_is_refused(detector):
    response = ask(detector, to_png(drawing(0)), key="another")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "AUTHENTICATION_REQUIRED"


def test_a_body_that_is_too_large_is_refused(detector):
    response = ask(detector, bytes(17 * 2**20))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "REQUEST_TOO_LARGE"


def test_an_empty_body_is_refused(detector):
    _, _, host, path = detector.split("/", 3)
    connection = http.client.HTTPConnection(host, timeout=60)
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "multipart/form-data; boundary=x",
        "X-Request-Id": "r-1",
    }
    connection.request("POST", f"/{path}", b"", headers)
    response = connection.getresponse()
    assert response.status == 400
    assert response.headers["X-Request-Id"] == "r-1"
    assert json.loads(response.read())["error"]["code"] == "INVALID_REQUEST"


def test_a_folder_that_is_no_model_is_refused_at_the_start(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "nsfwsite.detector_server", "--artifact", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    assert "Restore the folder" in process.stderr
