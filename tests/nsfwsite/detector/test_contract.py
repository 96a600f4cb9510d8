"""Every row of the contract's tables of errors, without a model behind it."""

import json

import pytest
from django.test import RequestFactory

from nsfwsite.detector import contract
from nsfwsite.detector.contract import PATH, Code, Problem

BOUNDARY = "xxx"
SCORES = {"drawings": 0.1, "hentai": 0.05, "neutral": 0.6, "porn": 0.05, "sexy": 0.2}


def part(data=b"image", kind="image/png", filename='; filename="a.png"', name="file") -> bytes:
    header = f'Content-Disposition: form-data; name="{name}"{filename}\r\nContent-Type: {kind}'
    return f"--{BOUNDARY}\r\n{header}\r\n\r\n".encode() + data + b"\r\n"


def ask(*parts, detect=None, may_ask=True, body=None, kind=None, **headers):
    """The response to these parts, and the images that were judged."""
    judged = []

    def judge(images):
        judged.extend(images)
        return [SCORES] * len(images) if detect is None else detect(images)

    request = RequestFactory().generic(
        "POST",
        PATH,
        b"".join(parts) + f"--{BOUNDARY}--\r\n".encode() if body is None else body,
        content_type=f"multipart/form-data; boundary={BOUNDARY}" if kind is None else kind,
        headers=headers,
    )
    return contract.respond(request, may_ask=lambda _: may_ask, detect=judge), judged


def refusal_of(response):
    body = json.loads(response.content)
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() == {"code", "message"}
    return response.status_code, body["error"]["code"]


def codes_of(response):
    """The code of each part, or None where it has predictions."""
    body = json.loads(response.content)
    assert (response.status_code, body["success"]) == (200, True)
    return [
        None if entry["success"] else entry["error"]["code"] for entry in body["result"]["results"]
    ]


def test_an_answer_has_all_classes_the_likeliest_first():
    response, judged = ask(part(b"one"))
    assert judged == [b"one"]
    assert json.loads(response.content) == {
        "success": True,
        "result": {
            "results": [
                {
                    "success": True,
                    "predictions": [
                        {"className": "Neutral", "probability": 0.6},
                        {"className": "Sexy", "probability": 0.2},
                        {"className": "Drawing", "probability": 0.1},
                        {"className": "Hentai", "probability": 0.05},
                        {"className": "Porn", "probability": 0.05},
                    ],
                }
            ]
        },
    }


def test_results_come_in_the_order_of_the_parts_whatever_their_names():
    def refuse_second(images):
        return [
            SCORES if image != b"two" else Problem(Code.MODEL_UNAVAILABLE, "") for image in images
        ]

    parts = [
        part(b"one", name="b"),
        part(b"text", filename="", name="a"),
        part(b"two", name="b"),
        part(b"film", kind="video/mp4", name="a"),
        part(b"three", name="a"),
        part(b"", name="b"),
    ]
    response, judged = ask(*parts, detect=refuse_second)
    assert judged == [b"one", b"two", b"three"]
    assert codes_of(response) == [
        None,
        "INVALID_REQUEST",
        "MODEL_UNAVAILABLE",
        "UNSUPPORTED_MEDIA_TYPE",
        None,
        "INVALID_REQUEST",
    ]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/gif", "image/bmp", "IMAGE/PNG"])
def test_these_types_are_judged(kind):
    assert codes_of(ask(part(kind=kind))[0]) == [None]


@pytest.mark.parametrize("kind", ["image/webp", "image/svg+xml", "text/plain", "nonsense"])
def test_other_types_are_not(kind):
    response, judged = ask(part(kind=kind), part(b"judged"))
    assert codes_of(response) == ["UNSUPPORTED_MEDIA_TYPE", None]
    assert judged == [b"judged"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("too_many_bytes", "REQUEST_TOO_LARGE"),
        ("too_many_pixels", "REQUEST_TOO_LARGE"),
        ("too_long", "REQUEST_TOO_LARGE"),
        ("not_an_image", "IMAGE_DECODE_FAILED"),
        ("broken", "IMAGE_DECODE_FAILED"),
        ("animated", "IMAGE_DECODE_FAILED"),
        ("crashed", "IMAGE_DECODE_FAILED"),
    ],
)
def test_what_the_decoder_refuses_has_a_code(code, expected):
    assert contract.problem_of(code, "why").code == expected


def test_more_parts_than_allowed_are_refused_before_their_types_are_looked_at(settings):
    settings.DETECTOR_MAX_PARTS = 10
    assert len(codes_of(ask(*[part()] * 10)[0])) == 10
    response, judged = ask(*[part(kind="text/plain")] * 11)
    assert refusal_of(response) == (413, "REQUEST_TOO_LARGE")
    assert judged == []


def test_a_body_that_is_too_large_is_refused(settings):
    settings.BODY_MAX_BYTES = {"classification": 200}
    assert refusal_of(ask(part(bytes(300)))[0]) == (413, "REQUEST_TOO_LARGE")


def test_without_a_token_the_request_is_refused():
    response, judged = ask(part(), may_ask=False)
    assert refusal_of(response) == (401, "AUTHENTICATION_REQUIRED")
    assert judged == []


@pytest.mark.parametrize("kind", ["application/json", "image/png", ""])
def test_a_body_of_another_type_is_refused(kind):
    response, _ = ask(body=b"{}", kind=kind)
    assert refusal_of(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("body", [b"nonsense", part()[:-9], b"--xxx--\r\n", part() + b"--xxx"])
def test_a_body_that_cannot_be_read_or_has_no_part_is_refused(body):
    assert refusal_of(ask(body=body)[0]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_body_without_a_boundary_is_refused(kind):
    assert refusal_of(ask(part(), kind=kind)[0]) == (400, "INVALID_REQUEST")


def test_whatever_breaks_is_a_failed_detection():
    def fail(images):
        raise RuntimeError("secret")

    response, _ = ask(part(), detect=fail)
    assert refusal_of(response) == (500, "DETECTION_FAILED")
    assert b"secret" not in response.content


def test_other_methods_are_refused():
    request = RequestFactory().get(PATH)
    response = contract.respond(request, may_ask=lambda _: True, detect=lambda _: [])
    assert refusal_of(response) == (405, "INVALID_REQUEST")
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("request_id", ["abc-1_2.3", "A"])
def test_a_valid_request_id_comes_back(request_id):
    assert ask(part(), **{"X-Request-Id": request_id})[0]["X-Request-Id"] == request_id
    refused = ask(part(), may_ask=False, **{"X-Request-Id": request_id})[0]
    assert refused["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "a/b", "ä", "x" * 1000])
def test_any_other_request_has_a_new_id(request_id):
    first = ask(part(), **{"X-Request-Id": request_id})[0]["X-Request-Id"]
    second = ask(part(), **{"X-Request-Id": request_id})[0]["X-Request-Id"]
    assert first != second
    assert request_id not in (first, second)
