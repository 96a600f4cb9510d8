"""A part of a large file can be asked for."""

import pytest
from django.test import RequestFactory

from nsfwsite.downloads import download

CONTENT = bytes(range(100))
SHA256 = "a" * 64


@pytest.fixture
def fetch(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)

    def answer(**headers: str):
        return download(RequestFactory().get("/", headers=headers), path, sha256=SHA256)

    return answer


def content(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.mark.parametrize(
    ("range_header", "part", "described"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/100"),
        ("bytes=5-5", CONTENT[5:6], "bytes 5-5/100"),
        ("bytes=90-", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=90-500", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-3", CONTENT[-3:], "bytes 97-99/100"),
    ],
)
def test_a_range_is_answered_with_that_part(fetch, range_header, part, described) -> None:
    response = fetch(range=range_header)
    assert response.status_code == 206
    assert content(response) == part
    assert response.headers["Content-Range"] == described
    assert response.headers["Content-Length"] == str(len(part))


@pytest.mark.parametrize(
    "range_header",
    ["", "bytes=9-2", "bytes=0-1,3-4", "bytes=-", "lines=0-1", "bytes=٣-٤", "bytes=-500"],
)
def test_any_other_request_is_answered_with_the_whole(fetch, range_header) -> None:
    response = fetch(range=range_header)
    assert response.status_code == 200
    assert content(response) == CONTENT
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("range_header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_size(fetch, range_header) -> None:
    response = fetch(range=range_header)
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */100"
    assert f"Received: {range_header}" in response.content.decode()


def test_a_part_of_another_file_is_not_continued(fetch) -> None:
    etag = fetch().headers["ETag"]
    assert fetch(range="bytes=0-9", if_range=etag).status_code == 206
    whole = fetch(range="bytes=0-9", if_range='"another"')
    assert whole.status_code == 200
    assert content(whole) == CONTENT
