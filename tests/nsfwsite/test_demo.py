import json

import pytest
from django.urls import reverse

from feedback.models import Classification, DemoAnswer
from tests.cast import upload
from tests.conftest import png
from worker import heartbeat


@pytest.fixture
def sample(settings):
    folder = settings.DEMO_DIR / "samples"
    folder.mkdir(parents=True)
    (folder / "fox.png").write_bytes(png(1))
    (folder / "samples.json").write_text(json.dumps([{"file": "fox.png", "title": "Red fox"}]))


@pytest.fixture
def awake(monkeypatch):
    """A worker that reads the queue and is slow."""
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)
    monkeypatch.setattr("nsfwsite.demo.views.FIRST_WAIT_SECONDS", 0)


def test_the_first_page_names_the_model_and_its_audit(client, champion, sample) -> None:
    text = client.get(reverse("home")).content.decode()

    assert "Model v1" in text
    assert reverse("model", args=["v1"]) in text
    assert "Red fox" in text


@pytest.mark.django_db
def test_the_first_page_stands_without_a_model(client) -> None:
    assert "No model is in service yet" in client.get(reverse("home")).content.decode()


def test_an_image_leads_to_its_answer(client, champion, awake) -> None:
    answer = client.post(reverse("home"), {"image": upload()})

    made = Classification.objects.get()
    assert answer.url == reverse("classification", args=[made.pk])
    assert "Looking at your image" in client.get(answer.url).content.decode()


def test_a_sample_is_sent_with_one_press(client, champion, awake, sample) -> None:
    assert client.post(reverse("home"), {"sample": "fox.png"}).status_code == 302
    assert client.get(reverse("sample", args=["fox.png"])).headers["Content-Type"] == "image/png"


def test_only_samples_are_samples(client, champion, awake, sample) -> None:
    assert client.post(reverse("home"), {"sample": "../images.json"}).status_code == 404
    assert client.get(reverse("sample", args=["samples.json"])).status_code == 404


def test_without_a_worker_nothing_is_kept(client, champion) -> None:
    page = client.post(reverse("home"), {"image": upload()})

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "15"
    assert "See what the model says" in page.content.decode()
    assert not Classification.objects.exists()


def test_no_file_is_a_refusal_with_the_form(client, champion) -> None:
    page = client.post(reverse("home"))

    assert page.status_code == 422
    assert "Choose an image from your device" in page.content.decode()


def test_a_refused_image_says_rule_value_and_way_out(client, champion) -> None:
    problem = {"code": "format", "rule": "A PNG.", "received": "a PDF", "remedy": "Export it."}
    refused = Classification.objects.create(status="refused", problem=problem)

    page = client.get(reverse("classification", args=[refused.pk]))

    assert page.status_code == 422
    assert "Received: a PDF." in page.content.decode()
    assert 'type="file"' in page.content.decode()


def test_the_answer_has_five_numbers_and_a_way_to_object(client, judged) -> None:
    made = judged()
    text = client.get(reverse("classification", args=[made.pk])).content.decode()

    assert text.count("<rect ") == 5
    assert "90.0%" in text
    assert reverse("right", args=[made.pk]) in text
    assert "/triage/images/" not in text


def test_too_large_a_body_is_refused_as_a_page(client, champion, settings) -> None:
    settings.BODY_MAX_BYTES = {"classification": 100, "report": 100}
    page = client.post(reverse("home"), {"image": upload()})

    assert page.status_code == 413
    assert "Make the images smaller" in page.content.decode()


def test_pages_allow_no_inline_style_or_script(client, champion) -> None:
    page = client.get(reverse("home"))

    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "style=" not in page.content.decode()
    assert "<style" not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/r/x/withdraw/", 405, "only when a button"), ("/sign-out/", 405, "only when a button")],
)
def test_an_address_without_a_page_has_words(client, path, status, words) -> None:
    page = client.get(path)

    assert page.status_code == status
    assert page.headers["Content-Length"] == str(len(page.content))
    assert words in page.content.decode()


@pytest.mark.django_db
def test_what_cannot_be_read_has_words(client) -> None:
    page = client.post(reverse("report"), {f"field{number}": "x" for number in range(2000)})

    assert page.status_code == 400
    assert "could not be read" in page.content.decode()


@pytest.mark.django_db
def test_an_unknown_address_has_the_same_look(client) -> None:
    page = client.get("/nothing/")

    assert page.status_code == 404
    assert "nothing at this address" in page.content.decode()


def say(client, classification, said):
    return client.post(reverse("right", args=[classification.pk]), {"said": said})


def test_a_visitor_says_that_it_was_right_and_is_thanked(client, judged) -> None:
    made = judged()
    assert say(client, made, "right").url == reverse("classification", args=[made.pk])
    assert "Thank you" in client.get(reverse("classification", args=[made.pk])).content.decode()
    kept = DemoAnswer.objects.get()
    assert (kept.label, kept.right, kept.scores) == (made.label, True, made.scores)


def test_who_says_that_it_was_wrong_may_report_it(client, judged, axes) -> None:
    made = judged()
    answer = say(client, made, "wrong")
    assert answer.url == f"{reverse('report')}?classification={made.pk}"
    assert client.get(answer.url).status_code == 200
    assert not DemoAnswer.objects.get().right


def test_an_answer_is_judged_once(client, judged) -> None:
    made = judged()
    for said in ("right", "wrong", "right"):
        assert say(client, made, said).status_code == 302
    assert DemoAnswer.objects.get().right


def test_what_was_said_names_no_image(client, judged) -> None:
    made = judged()
    say(client, made, "right")
    values = [str(value) for value in DemoAnswer.objects.values()[0].values()]
    assert made.image_sha256 not in values
    assert str(made.pk) not in values


def test_programs_say_it_too(client, judged) -> None:
    made = judged()
    address = reverse("api:right", args=[made.pk])
    assert client.post(address, {"said": "perhaps"}).status_code == 400
    assert client.post(address, {"said": "wrong"}).status_code == 204
    assert not DemoAnswer.objects.get().right


def test_an_answer_that_is_not_there_yet_cannot_be_judged(client, champion, awake) -> None:
    client.post(reverse("home"), {"image": upload()})
    assert say(client, Classification.objects.get(), "right").status_code == 409
    assert not DemoAnswer.objects.exists()


def test_what_visitors_say_is_public_by_label(client, judged) -> None:
    for seed in range(3):
        say(client, judged(seed), "wrong" if seed else "right")
    text = " ".join(client.get(reverse("signals")).content.decode().split())
    assert '<th scope="row">neutral</th><td class="figure">3</td><td class="figure">66.7%' in text
