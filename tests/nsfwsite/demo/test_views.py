import json
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import Classification, DemoAnswer, ModelVersion
from nsfwsite.demo.views import FIRST_SENTENCE
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
def slow_worker(monkeypatch):
    """A worker that is alive and does not answer in time."""
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)
    monkeypatch.setattr("nsfwsite.demo.views.FIRST_WAIT_SECONDS", 0)


def test_the_first_page_names_the_model_and_links_to_its_audit(client, champion, sample) -> None:
    text = client.get(reverse("home")).content.decode()

    assert "Model v1" in text
    assert reverse("model", args=["v1"]) in text
    assert "Red fox" in text


def test_the_first_page_names_the_model_that_answers_for_a_damaged_one(
    client, champion, mona
) -> None:
    ModelVersion.objects.filter(pk=champion.pk).update(status="retired")
    ModelVersion.objects.create(
        number=2,
        sha256="b" * 64,
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
        damage="model.onnx: 1f instead of 2e",
    )
    text = client.get(reverse("home")).content.decode()
    assert "The files of v2 are damaged." in text
    assert "Model v1</strong>, “The published model”, in place of v2." in text
    assert "instead of" not in text
    client.force_login(mona)
    text = client.get(reverse("home")).content.decode()
    assert "Restore the folder <code>artifacts/bbbbbbbbbbbb</code> from a backup." in text
    assert "model.onnx: 1f instead of 2e" in text
    ModelVersion.objects.update(damage="model.onnx: damaged")
    assert "the files of every model are damaged" in client.get(reverse("home")).content.decode()


def test_the_readme_opens_with_the_sentence_of_the_first_page(client, champion) -> None:
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    assert FIRST_SENTENCE in " ".join(readme.split())
    assert FIRST_SENTENCE in client.get(reverse("home")).content.decode()


@pytest.mark.django_db
def test_the_first_page_opens_without_a_model(client) -> None:
    assert "No model is in service yet" in client.get(reverse("home")).content.decode()


def test_an_uploaded_image_leads_to_the_page_of_its_answer(client, champion, slow_worker) -> None:
    answer = client.post(reverse("home"), {"image": upload()})

    classification = Classification.objects.get()
    assert answer.url == reverse("classification", args=[classification.pk])
    assert "Looking at your image" in client.get(answer.url).content.decode()


def test_a_sample_is_classified_with_one_press(client, champion, slow_worker, sample) -> None:
    assert client.post(reverse("home"), {"sample": "fox.png"}).status_code == 302
    assert client.get(reverse("sample", args=["fox.png"])).headers["Content-Type"] == "image/png"


def test_a_sample_cannot_name_another_file(client, champion, slow_worker, sample) -> None:
    assert client.post(reverse("home"), {"sample": "../images.json"}).status_code == 404
    assert client.get(reverse("sample", args=["samples.json"])).status_code == 404


def test_without_a_worker_an_upload_is_not_stored(client, champion) -> None:
    page = client.post(reverse("home"), {"image": upload()})

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "15"
    assert "Send it to this site" in page.content.decode()
    assert not Classification.objects.exists()


def test_a_form_without_a_file_is_refused_and_shown_again(client, champion) -> None:
    page = client.post(reverse("home"))

    assert page.status_code == 422
    assert "Choose an image from your device" in page.content.decode()


def test_a_refused_image_shows_rule_value_and_remedy(client, champion) -> None:
    problem = {"rule": "A PNG.", "received": "a PDF", "remedy": "Export it."}
    refused = Classification.objects.create(status="refused", problem=problem)

    page = client.get(reverse("classification", args=[refused.pk]))

    assert page.status_code == 422
    assert "Received: a PDF." in page.content.decode()
    assert 'type="file"' in page.content.decode()


def test_the_answer_shows_five_scores_and_a_way_to_object(client, judged) -> None:
    classification = judged()
    text = client.get(reverse("classification", args=[classification.pk])).content.decode()

    assert text.count("<rect ") == 5
    assert "90.0%" in text
    assert reverse("right", args=[classification.pk]) in text
    assert "/triage/images/" not in text


def test_too_large_a_body_is_refused_with_a_page(client, champion, settings) -> None:
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
def test_a_method_that_is_not_allowed_gets_a_page(client, path, status, words) -> None:
    page = client.get(path)

    assert page.status_code == status
    assert page.headers["Content-Length"] == str(len(page.content))
    assert words in page.content.decode()


@pytest.mark.django_db
def test_an_unreadable_request_gets_a_page(client) -> None:
    page = client.post(reverse("report"), {f"field{number}": "x" for number in range(2000)})

    assert page.status_code == 400
    assert "could not be read" in page.content.decode()


@pytest.mark.django_db
def test_an_unknown_address_gets_a_page(client) -> None:
    page = client.get("/nothing/")

    assert page.status_code == 404
    assert "nothing at this address" in page.content.decode()


def judge(client, classification, opinion):
    return client.post(reverse("right", args=[classification.pk]), {"said": opinion})


def test_a_visitor_who_confirms_an_answer_is_thanked(client, judged) -> None:
    classification = judged()
    page = reverse("classification", args=[classification.pk])
    assert judge(client, classification, "right").url == page
    assert "Thank you" in client.get(page).content.decode()
    opinion = DemoAnswer.objects.get()
    assert opinion.right
    assert (opinion.label, opinion.scores) == (classification.label, classification.scores)


def test_a_visitor_who_objects_may_report_the_image(client, judged, axes) -> None:
    classification = judged()
    answer = judge(client, classification, "wrong")
    assert answer.url == f"{reverse('report')}?classification={classification.pk}"
    assert client.get(answer.url).status_code == 200
    assert not DemoAnswer.objects.get().right


def test_only_the_first_opinion_on_an_answer_counts(client, judged) -> None:
    classification = judged()
    for opinion in ("right", "wrong", "right"):
        assert judge(client, classification, opinion).status_code == 302
    assert DemoAnswer.objects.get().right


def test_a_stored_opinion_does_not_identify_the_image(client, judged) -> None:
    classification = judged()
    judge(client, classification, "right")
    values = [str(value) for value in DemoAnswer.objects.values()[0].values()]
    assert classification.image_sha256 not in values
    assert str(classification.pk) not in values


def test_the_api_takes_opinions_on_answers(client, judged) -> None:
    classification = judged()
    address = reverse("api:right", args=[classification.pk])
    assert client.post(address, {"said": "perhaps"}).status_code == 400
    assert client.post(address, {"said": "wrong"}).status_code == 204
    assert not DemoAnswer.objects.get().right


def test_a_missing_answer_cannot_be_judged(client, champion, slow_worker) -> None:
    client.post(reverse("home"), {"image": upload()})
    assert judge(client, Classification.objects.get(), "right").status_code == 409
    assert not DemoAnswer.objects.exists()


def test_opinions_of_visitors_are_public_by_label(client, judged) -> None:
    for seed in range(3):
        judge(client, judged(seed), "wrong" if seed else "right")
    text = " ".join(client.get(reverse("signals")).content.decode().split())
    assert '<th scope="row">neutral</th><td class="figure">3</td><td class="figure">66.7%' in text
