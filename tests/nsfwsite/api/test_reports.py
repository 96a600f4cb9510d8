import io
import uuid

import pytest
from django.test import Client

from feedback.models import Classification, Report, StoredImage
from feedback.services import triage
from nsfwsite.intake import classifying, reporting
from tests.cast import DARK, LIGHT, register_worker, token_of
from tests.conftest import png
from tests.nsfwsite.api.client import api_client

URL = "/api/v1/reports/"
pytestmark = pytest.mark.django_db(transaction=True)


def picture(seed: int = 0) -> io.BytesIO:
    file = io.BytesIO(png(seed))
    file.name = "picture.png"
    return file


def form(**changes) -> dict:
    fields = {
        "images": [picture()],
        "expected_label": "hentai",
        "kind": "unfair",
        "groups": '{"medium": "vector"}',
        "description": "It is a drawing.",
        "consent_store": "true",
        "consent_train": "true",
    }
    return {**fields, **changes}


def drawing(**changes) -> dict:
    """A report whose pixels are kept, whatever the model says."""
    return form(expected_label="drawings", **changes)


@pytest.fixture
def running(real_champion, axes, inference_worker):
    return real_champion


def test_a_report_gets_a_receipt_that_tells_its_story(running):
    response = Client().post(URL, drawing(images=[picture(1), picture(2)]))
    assert response.status_code == 201
    filed = response.json()
    assert filed["url"].endswith(f"/r/{filed['receipt']}/")
    story = Client().get(f"{URL}{filed['receipt']}/").json()
    assert story["history"][0]["status"] == "received"
    assert len(story["examples"]) == 2
    for example in story["examples"]:
        assert example["then"]["model"] == example["now"]["model"] == "v1"


def test_a_demo_classification_can_be_reported_by_its_id(running):
    classification = Client().post("/api/v1/classifications/", {"image": picture()}).json()
    response = Client().post(URL, drawing(images=[], classification=classification["id"]))
    assert response.status_code == 201
    assert Report.objects.get().examples.get().image_sha256


def test_a_retry_with_the_same_key_is_harmless(running):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = Client().post(URL, drawing(), headers=key)
    second = Client().post(URL, drawing(), headers=key)
    assert second.json()["receipt"] == first.json()["receipt"]
    assert Report.objects.count() == 1
    assert StoredImage.objects.count() == 1


def test_a_key_used_for_something_else_is_refused(running):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    Client().post(URL, drawing(), headers=key)
    response = Client().post(URL, drawing(description="Another."), headers=key)
    assert response.status_code == 422
    assert Report.objects.count() == 1


def test_a_stranger_with_the_same_key_and_body_does_not_get_the_receipt(running, mona):
    key = {"Idempotency-Key": "1"}
    token = token_of(mona)
    answers = [
        Client().post(URL, drawing(), headers=key, REMOTE_ADDR="203.0.113.1"),
        Client().post(URL, drawing(), headers=key, REMOTE_ADDR="203.0.113.2"),
        Client().post(
            URL,
            drawing(),
            headers={**key, "Authorization": f"Token {token}"},
            REMOTE_ADDR="203.0.113.1",
        ),
    ]
    assert len({answer.json()["receipt"] for answer in answers}) == 3
    again = {**key, "Authorization": f"Token {token}"}
    elsewhere = Client().post(URL, drawing(), headers=again, REMOTE_ADDR="203.0.113.3")
    assert elsewhere.json()["receipt"] == answers[2].json()["receipt"]


def test_a_key_that_is_too_long_is_refused_and_not_cut(running):
    response = Client().post(URL, drawing(), headers={"Idempotency-Key": "x" * 201})
    assert response.status_code == 422
    assert "at most 200 characters. Received: 201" in response.json()["detail"]
    assert not Report.objects.exists()


def test_one_bad_image_refuses_the_whole_report_and_keeps_nothing(running):
    bad = io.BytesIO(b"not an image")
    bad.name = "bad.png"
    response = Client().post(URL, drawing(images=[picture(), bad]))
    assert response.status_code == 422
    assert not Report.objects.exists()
    assert not StoredImage.objects.exists()
    assert not Classification.objects.exists()


def test_every_broken_image_is_named_and_nothing_is_kept(running):
    files = [picture(n) for n in range(5)]
    for place in (1, 2, 4):
        files[place] = io.BytesIO(b"not an image")
        files[place].name = f"bad-{place}.png"
    response = Client().post(URL, drawing(images=files))
    assert response.status_code == 422
    problem = response.json()
    assert problem["title"] == "3 images cannot be used"
    assert [image["image"] for image in problem["images"]] == [
        "image 2 ('bad-1.png')",
        "image 3 ('bad-2.png')",
        "image 5 ('bad-4.png')",
    ]
    assert all(
        image["rule"] and image["received"] and image["way_out"] for image in problem["images"]
    )
    for model in (Report, StoredImage, Classification):
        assert not model.objects.exists()


def test_pairs_are_sent_in_order_with_their_groups(running):
    pair_groups = '[[{"skin_tone": "dark"}, {"skin_tone": "light"}], [{}, {}]]'
    files = {"wrong": [picture(1), picture(2)], "counterpart": [picture(3), picture(4)]}
    response = Client().post(URL, drawing(**files, pair_groups=pair_groups, subject="Hands"))
    assert response.status_code == 201
    story = Client().get(f"{URL}{response.json()['receipt']}/").json()
    assert [example["counterpart_of"] for example in story["examples"]] == [None, None, 1, None, 3]
    assert [example["groups"] for example in story["examples"]] == [{}, DARK, LIGHT, {}, {}]


def test_without_a_worker_nothing_is_kept(real_champion, axes):
    response = Client().post(URL, drawing())
    assert response.status_code == 503
    assert response["Retry-After"]
    assert not Report.objects.exists()
    assert not Classification.objects.exists()


def test_a_queue_that_fills_up_half_way_leaves_nothing(real_champion, axes, monkeypatch):
    register_worker()
    monkeypatch.setattr(classifying, "LONGEST_QUEUE_SECONDS", 0)
    assert Client().post(URL, drawing(images=[picture(1), picture(2)])).status_code == 503
    assert not Classification.objects.exists()


def test_images_that_take_too_long_leave_nothing(real_champion, axes, monkeypatch):
    register_worker()
    monkeypatch.setattr(reporting, "REPORT_WAIT_SECONDS", 0)
    response = Client().post(URL, drawing(images=[picture(1), picture(2)]))
    assert response.status_code == 503
    assert response.json()["title"] == "The classifier is busy"
    assert not Classification.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"images": []}, 422),
        ({"images": [picture(seed) for seed in range(21)]}, 422),
        ({"expected_label": "cats"}, 422),
        ({"groups": "not json"}, 422),
        ({"groups": '{"medium": 3}'}, 422),
        ({"groups": "[" * 100_000}, 422),
        ({"groups": '{"star_sign": "leo"}'}, 422),
        ({"kind": "boring"}, 400),
        ({"classification": str(uuid.uuid4()), "images": []}, 404),
        ({"classification": "x", "images": []}, 400),
        ({"consent_store": "false"}, 422),
        ({"description": "x" * 2001}, 400),
        ({"wrong": [picture()]}, 422),
        ({"wrong": [picture(1)], "counterpart": [picture(2)], "pair_groups": "{}"}, 422),
        ({"wrong": [picture(1)], "counterpart": [picture(2)], "pair_groups": "[[1, 2]]"}, 422),
        ({"wrong": [picture(1)], "counterpart": [picture(2)], "kind": "misclassified"}, 422),
    ],
)
def test_bad_fields_are_refused_and_leave_nothing(running, changes, status):
    response = Client().post(URL, drawing() | changes)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert not Report.objects.exists()
    assert not StoredImage.objects.exists()


def test_a_stranger_cannot_guess_a_receipt(running):
    assert Client().get(f"{URL}guess/").status_code == 404


def test_a_rejected_report_is_appealed_once(client, queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    url = f"{URL}{report.receipt}/appeal/"

    assert client.post(url, {"words": ""}).status_code == 400
    answer = client.post(url, {"words": "It is drawn."}, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["status"] == "queued"
    again = client.post(url, {"words": "It is drawn."}, content_type="application/json")
    assert again.status_code == 409
    assert client.post(f"{URL}a-guess/appeal/", {"words": "x"}).status_code == 404


def test_a_report_is_withdrawn_once(queued) -> None:
    report = queued()
    path = f"/api/v1/reports/{report.receipt}/withdraw/"
    assert api_client().post(path).json()["status"] == "withdrawn"
    assert not report.examples.exists()
    assert api_client().post(path).status_code == 409


def test_two_parts_are_refused_where_one_is_expected(db) -> None:
    fields = {"images": picture(), "expected_label": ["drawings", "neutral"]}
    response = api_client().post("/api/v1/reports/", fields, format="multipart")
    assert response.status_code == 400
    assert "Received: 2 parts" in response.json()["errors"]["expected_label"][0]
