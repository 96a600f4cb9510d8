"""At the site, the model in service answers whoever has a token; nothing is kept."""

import io
import threading

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from feedback.models import ApiToken, Classification, StoredImage
from modeltrain.model.classifier import Classifier
from nsfwsite.detector import views
from nsfwsite.intake import classifying
from tests.cast import register_worker, token_of
from tests.conftest import noise

URL = "/v1/detect-images"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bearer() -> dict[str, str]:
    secret = token_of(User.objects.create(username="misskey"), "classify")
    return {"Authorization": f"Bearer {secret}"}


def picture(pixels, kind: str = "png", **options) -> io.BytesIO:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    file = io.BytesIO(out.getvalue())
    file.name = f"picture.{kind}"
    return file


def results_of(response):
    assert response.status_code == 200, response.content
    return response.json()["result"]["results"]


def test_images_get_the_answers_of_the_model_in_service_and_are_not_kept(
    real_champion, inference_worker, bearer, published, tmp_path
):
    pixels = noise(size=(299, 299))
    files = {"a": picture(pixels), "b": picture(noise(1, size=(300, 20))), "c": io.BytesIO(b"x")}
    files["c"].name = "c.png"
    small, wide, broken = results_of(Client().post(URL, files, headers=bearer))

    expected = Classifier(published).classify(pixels).scores
    received = {entry["className"]: entry["probability"] for entry in small["predictions"]}
    assert received["Drawing"] == pytest.approx(expected["drawings"], abs=1e-6)
    assert list(received.values()) == sorted(received.values(), reverse=True)
    assert wide["error"]["code"] == "REQUEST_TOO_LARGE"
    assert "299" in wide["error"]["message"]
    assert broken["error"]["code"] == "IMAGE_DECODE_FAILED"
    assert not Classification.objects.exists()
    assert not StoredImage.objects.exists()
    assert not list(tmp_path.rglob("*.upload"))


def test_an_image_is_not_turned_by_its_orientation(real_champion, inference_worker, bearer):
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = noise(size=(299, 299))
    upright = picture(pixels)
    marked = picture(pixels, exif=exif)
    first, second = results_of(Client().post(URL, {"a": upright, "b": marked}, headers=bearer))
    assert first == second


def test_without_a_worker_each_image_says_that_no_model_can_answer(real_champion, bearer):
    (result,) = results_of(Client().post(URL, {"a": picture(noise())}, headers=bearer))
    assert result["error"]["code"] == "MODEL_UNAVAILABLE"
    assert not Classification.objects.exists()


def test_without_a_model_each_image_says_so(bearer):
    register_worker()
    (result,) = results_of(Client().post(URL, {"a": picture(noise())}, headers=bearer))
    assert result["error"]["code"] == "MODEL_UNAVAILABLE"


def test_an_image_that_is_not_answered_in_time_is_deleted(real_champion, bearer, monkeypatch):
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.1)
    register_worker()
    (result,) = results_of(Client().post(URL, {"a": picture(noise())}, headers=bearer))
    assert result["error"]["code"] == "DETECTION_FAILED"
    assert not Classification.objects.exists()


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer wrong", "Token wrong", "Basic {}", "Bearer {} x"]
)
def test_a_missing_or_wrong_token_is_refused(bearer, authorization):
    key = bearer["Authorization"].split()[1]
    headers = {"Authorization": authorization.format(key)} if authorization else {}
    response = Client().post(URL, {"a": picture(noise())}, headers=headers)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "AUTHENTICATION_REQUIRED"


def test_the_token_of_somebody_who_left_is_refused(bearer):
    User.objects.update(is_active=False)
    response = Client().post(URL, {"a": picture(noise())}, headers=bearer)
    assert response.status_code == 401


def test_a_body_that_the_site_refuses_is_refused_in_the_words_of_the_contract(settings, bearer):
    settings.BODY_MAX_BYTES = {"classification": 10, "report": 10}
    response = Client().post(URL, {"a": picture(noise())}, headers=bearer)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "REQUEST_TOO_LARGE"
    assert response["X-Request-Id"]


def test_a_token_without_the_scope_is_refused(bearer):
    ApiToken.objects.update(scopes=["read", "report"])
    response = Client().post(URL, {"a": picture(noise())}, headers=bearer)
    assert response.status_code == 403
    assert (
        "the scope classify. Received: one with read, report"
        in (response.json()["error"]["message"])
    )


def test_an_address_with_a_slash_is_the_same(bearer):
    response = Client().post(f"{URL}/", {"a": picture(noise())}, headers=bearer)
    assert response.status_code == 200


def test_images_count_towards_the_rate_of_their_address(real_champion, bearer, settings):
    settings.RATE_CLASSIFICATIONS = "1/hour"
    settings.CHALLENGE_SHARE = 1.0
    register_worker()
    files = {"a": picture(noise()), "b": picture(noise(1))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "ANSWER_SECONDS", 0.1)
        first, second = results_of(Client().post(URL, files, headers=bearer))
    assert first["error"]["code"] == "DETECTION_FAILED"
    assert second["error"]["code"] == "MODEL_UNAVAILABLE"
    assert "at most 1 times per hour" in second["error"]["message"]


def test_an_image_is_refused_where_too_many_requests_wait(real_champion, bearer, monkeypatch):
    monkeypatch.setattr(classifying, "_waiting_requests", threading.BoundedSemaphore(1))
    register_worker()
    with classifying._waiting_requests:
        (result,) = results_of(Client().post(URL, {"a": picture(noise())}, headers=bearer))
    assert result["error"]["code"] == "MODEL_UNAVAILABLE"
    assert "Too many requests" in result["error"]["message"]


def test_a_token_that_was_sent_without_https_is_refused_not_redirected(bearer, settings):
    settings.HTTPS = True
    response = Client().post(URL, {"a": picture(noise())}, headers=bearer)
    assert response.status_code == 400
    assert "https://" in response.json()["error"]["message"]
