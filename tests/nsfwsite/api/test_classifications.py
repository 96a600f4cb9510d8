"""Strangers' images through the real pipeline: Redis, a Celery worker, the published model."""

import io
import threading

import pytest
from django.db import connection
from django.test import Client
from PIL import Image

from feedback.models import Classification, StoredImage
from nsfwsite.intake import classifying
from tests.cast import register_worker, upload
from tests.conftest import noise, png

URL = "/api/v1/classifications/"
pytestmark = pytest.mark.django_db(transaction=True)


def post(image, **headers):
    return Client().post(URL, {"image": image}, headers=headers)


def as_file(data: bytes, name: str = "picture"):
    file = io.BytesIO(data)
    file.name = name
    return file


def saved(image: Image.Image, kind: str, **options) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return as_file(out.getvalue(), f"picture.{kind.lower()}")


def test_an_image_gets_five_scores_and_the_model_that_gave_them(real_champion, inference_worker):
    answer = post(upload()).json()
    assert sorted(answer["scores"]) == ["drawings", "hentai", "neutral", "porn", "sexy"]
    assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-4)
    assert answer["label"] == max(answer["scores"], key=answer["scores"].get)
    assert answer["model"] == {"version": "v1", "sha256": real_champion.sha256}
    again = Client().get(f"{URL}{answer['id']}/")
    assert again.status_code == 200
    assert again.json() == answer


def test_the_upload_is_gone_once_its_image_is_stored(real_champion, inference_worker, tmp_path):
    post(upload())
    classifying.wait_for_image(classification=Classification.objects.get())
    assert not list((tmp_path / "incoming").rglob("*.upload"))
    assert Classification.objects.get().upload.name == ""


def test_without_a_worker_it_says_so_and_keeps_nothing(real_champion, tmp_path):
    response = post(upload())
    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Retry-After"]) > 0
    assert not Classification.objects.exists()
    assert not list((tmp_path / "incoming").rglob("*.upload"))


def test_without_a_broker_it_says_so(real_champion, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert post(upload()).status_code == 503
    assert not Classification.objects.exists()


def test_a_busy_worker_means_202_and_the_answer_comes_later(real_champion):
    register_worker()
    response = post(upload(), prefer="wait=0")
    assert response.status_code == 202
    assert response["Location"].startswith(URL)
    waiting = Client().get(response["Location"])
    assert (waiting.status_code, waiting.json()["status"]) == (202, "waiting")


def test_waiting_requests_leave_threads_for_the_others(real_champion, settings):
    """As many may wait as settings allow; one more is answered 202 at once."""
    register_worker()
    started = threading.Barrier(settings.WAITING_REQUESTS + 1)
    answers = []

    def ask(seed):
        started.wait(timeout=20)
        answers.append(post(upload(seed), prefer="wait=3").status_code)
        connection.close()

    threads = [
        threading.Thread(target=ask, args=(seed,)) for seed in range(settings.WAITING_REQUESTS)
    ]
    for thread in threads:
        thread.start()
    started.wait(timeout=20)
    assert Client().get("/health/live/").status_code == 200
    for thread in threads:
        thread.join(timeout=30)
    assert answers == [202] * settings.WAITING_REQUESTS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "must not be empty"),
        (b"I am a poem, not a picture.", "image"),
        (png()[:200], "Received"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Received"),
    ],
)
def test_a_file_that_is_no_image_is_refused_with_rule_value_and_remedy(
    real_champion, inference_worker, data, words
):
    response = post(as_file(data))
    problem = response.json()
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert words in problem["detail"]
    assert problem["rule"]
    assert problem["received"]
    assert problem["way_out"]
    assert not StoredImage.objects.exists()


def test_an_animation_is_refused(real_champion, inference_worker):
    frames = [Image.fromarray(noise(seed)) for seed in range(3)]
    animated = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert post(animated).status_code == 422


def test_unusual_pixels_are_handled_right(real_champion, inference_worker):
    picture = Image.fromarray(noise(0))
    for image, kind in [
        (picture.convert("CMYK"), "JPEG"),
        (picture.convert("L").convert("LA"), "PNG"),
        (Image.fromarray(noise(0)[:, :, 0].astype("uint16") * 257), "PNG"),
    ]:
        assert post(saved(image, kind)).status_code == 200


def test_rotation_in_exif_is_applied(real_champion, inference_worker):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert post(saved(Image.fromarray(noise(0)), "JPEG", exif=exif)).status_code == 200
    classifying.wait_for_image(classification=Classification.objects.get())
    stored = StoredImage.objects.get()
    assert (stored.width, stored.height) == (30, 40)


def test_a_body_over_the_limit_is_refused_before_it_is_read(real_champion, settings):
    settings.BODY_MAX_BYTES = {"classification": 1000, "report": 1000}
    response = post(as_file(b"x" * 5000))
    assert response.status_code == 413
    assert "must be at most" in response.json()["detail"]


def test_a_missing_image_is_a_400_that_names_the_field(real_champion):
    response = Client().post(URL, {})
    assert response.status_code == 400
    assert "image" in response.json()["errors"]


def test_a_full_queue_refuses_more_images(real_champion, monkeypatch):
    register_worker()
    monkeypatch.setattr(classifying, "LONGEST_QUEUE_SECONDS", 0)
    codes = [post(upload(seed), prefer="wait=0").status_code for seed in range(2)]
    assert codes == [202, 503]
    assert Classification.objects.count() == 1


def test_one_address_cannot_classify_without_limit(real_champion, settings):
    settings.RATE_CLASSIFICATIONS, settings.CHALLENGE_SHARE = "2/minute", 1
    codes = [post(upload()).status_code for _ in range(3)]
    assert codes == [503, 503, 429]
