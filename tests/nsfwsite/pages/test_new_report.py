import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from feedback.models import Classification, Report, StoredImage
from nsfwsite.intake import reporting
from tests.cast import DARK, LIGHT, upload
from worker import heartbeat


def form_fields(**changes):
    return {
        "expected_label": "drawings",
        "kind": "misclassified",
        "group_medium": "vector",
        "group_gender": "",
        "description": "It is a drawing.",
        "consent_store": "on",
        "consent_train": "on",
        "key": "9f7c",
    } | changes


def form_url(classification):
    return f"{reverse('report')}?classification={classification.pk}"


def test_rosa_files_a_report_and_gets_her_receipt(client, judged, axes) -> None:
    answer = client.post(form_url(judged()), form_fields())

    report = Report.objects.get()
    assert answer.url == reverse("receipt", args=[report.receipt])
    assert report.groups == {"medium": "vector"}
    assert report.consent_train


def test_the_form_opens_without_a_classification(client, axes) -> None:
    page = client.get(reverse("report"))

    assert page.status_code == 200
    assert "Not stated" in page.content.decode()


def test_without_a_classification_an_image_is_needed(client, axes) -> None:
    page = client.post(reverse("report"), form_fields())

    assert page.status_code == 422
    assert "needs at least one image" in page.content.decode()


def test_the_form_keeps_what_rosa_typed(client, judged, axes) -> None:
    page = client.post(form_url(judged()), form_fields(consent_store="", description="A red fox."))

    text = page.content.decode()
    assert page.status_code == 422
    assert "may be kept. Tick both" in text
    assert "A red fox." in text
    assert '<option value="vector" selected>' in text
    assert not Report.objects.exists()


def test_the_label_of_the_model_is_no_mistake(client, judged, axes) -> None:
    page = client.post(form_url(judged(label="drawings")), form_fields())

    assert page.status_code == 422
    assert "Choose the label that you think is right" in page.content.decode()


def test_a_form_sent_twice_is_one_report(client, judged, axes) -> None:
    url = form_url(judged())
    first, second = client.post(url, form_fields()), client.post(url, form_fields())

    assert first.url == second.url
    assert Report.objects.count() == 1


def test_a_deleted_image_is_refused_with_a_remedy(client, judged, axes) -> None:
    page = client.post(form_url(judged(pixels=False)), form_fields())

    assert page.status_code == 410
    assert "Send the image again with the report" in page.content.decode()


def test_more_images_need_a_worker(client, judged, axes, monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: False)

    page = client.post(form_url(judged()), form_fields(images=[upload(1)]))

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "15"
    assert not Report.objects.exists()


def test_twenty_one_images_are_too_many(client, axes) -> None:
    page = client.post(reverse("report"), form_fields(images=[upload(n) for n in range(21)]))

    assert page.status_code == 422
    assert "at most 20 images" in page.content.decode()


def test_an_unknown_classification_is_not_found(client, axes) -> None:
    assert client.get(reverse("report") + "?classification=nonsense").status_code == 404


def pair(number=1, **changes):
    """Two hands, as the form sends them."""
    fields = {
        "kind": "unfair",
        f"pair_{number}_wrong": upload(11),
        f"pair_{number}_wrong_group": "skin_tone=dark",
        f"pair_{number}_counterpart": upload(12),
        f"pair_{number}_counterpart_group": "skin_tone=light",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value}


@pytest.mark.django_db(transaction=True)
def test_rosa_files_pairs_and_sending_them_twice_is_one_report(
    client, real_champion, axes, inference_worker
) -> None:
    def send():
        fields = form_fields(subject="Two hands", **{**pair(), **pair(3)})
        return client.post(reverse("report"), fields)

    first, again = send(), send()

    assert first.url == again.url
    report = Report.objects.get()
    assert [(wrong.groups, counterpart.groups) for wrong, counterpart in report.pairs] == [
        (DARK, LIGHT)
    ] * 2
    assert report.subject == "Two hands"
    text = client.get(first.url).content.decode()
    assert "Skin tone: Dark" in text
    assert "Skin tone: Light" in text


def test_half_a_pair_is_refused_beside_the_missing_image(client, judged, axes) -> None:
    page = client.post(form_url(judged()), form_fields(**pair(2, pair_2_counterpart=None)))

    text = page.content.decode()
    assert page.status_code == 422
    assert 'id="id_pair_2_counterpart_error">A pair needs both' in text
    assert '<option value="skin_tone=dark" selected>Dark</option>' in text


def test_pairs_need_the_kind_unfair(client, judged, axes) -> None:
    page = client.post(form_url(judged()), form_fields(**pair(kind="misclassified")))

    assert page.status_code == 422
    assert "You chose pairs too" in page.content.decode()


def test_images_in_pairs_count(client, axes) -> None:
    page = client.post(
        reverse("report"), form_fields(images=[upload(n) for n in range(19)], **pair())
    )

    assert page.status_code == 422
    assert "at most 20 images. Received: 21" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_three_broken_images_of_twenty_are_named(
    client, real_champion, axes, inference_worker, monkeypatch
) -> None:
    monkeypatch.setattr(reporting, "REPORT_WAIT_SECONDS", 120)
    images = [upload(n) for n in range(18)]
    images[2] = SimpleUploadedFile("empty.png", b"")
    images[16] = SimpleUploadedFile("\u202egnp.<b>", b"no image")
    broken = SimpleUploadedFile("torn.png", upload(3).read()[:200])

    page = client.post(
        reverse("report"),
        form_fields(images=images, subject="Foxes", **pair(pair_1_counterpart=broken)),
    )

    text = page.content.decode()
    assert page.status_code == 422
    for message in (
        "image 3 (&#x27;empty.png&#x27;): An image must not be empty.",
        "image 17 (&#x27;gnp.&lt;b&gt;&#x27;): ",
        "the counterpart of pair 1 (&#x27;torn.png&#x27;): ",
    ):
        assert message in text
    assert text.count("Received: ") == 3
    assert 'value="Foxes"' in text
    assert "It is a drawing." in text
    for model in (Report, Classification, StoredImage):
        assert not model.objects.exists()
