from django.urls import reverse

from feedback.models import Report
from tests.conftest import upload
from worker import pulse


def told(**changes):
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


def address(classification):
    return f"{reverse('report')}?classification={classification.pk}"


def test_rosa_files_a_report_and_gets_her_receipt(client, judged, axes) -> None:
    answer = client.post(address(judged()), told())

    report = Report.objects.get()
    assert answer.url == reverse("receipt", args=[report.receipt])
    assert report.groups == {"medium": "vector"}
    assert report.consent_train


def test_the_form_opens_without_a_classification(client, axes) -> None:
    page = client.get(reverse("report"))

    assert page.status_code == 200
    assert "Not stated" in page.content.decode()


def test_without_a_classification_an_image_is_needed(client, axes) -> None:
    page = client.post(reverse("report"), told())

    assert page.status_code == 422
    assert "needs at least one image" in page.content.decode()


def test_what_rosa_typed_is_kept_beside_the_error(client, judged, axes) -> None:
    page = client.post(address(judged()), told(consent_store="", description="A red fox."))

    text = page.content.decode()
    assert page.status_code == 422
    assert "may be kept. Tick both" in text
    assert "A red fox." in text
    assert '<option value="vector" selected>' in text
    assert not Report.objects.exists()


def test_a_label_that_the_model_gave_is_no_mistake(client, judged, axes) -> None:
    page = client.post(address(judged(label="drawings")), told())

    assert page.status_code == 422
    assert "Choose the label that you think is right" in page.content.decode()


def test_a_form_sent_twice_is_one_report(client, judged, axes) -> None:
    where = address(judged())
    first, second = client.post(where, told()), client.post(where, told())

    assert first.url == second.url
    assert Report.objects.count() == 1


def test_an_image_that_is_gone_is_refused_with_a_way_out(client, judged, axes) -> None:
    page = client.post(address(judged(pixels=False)), told())

    assert page.status_code == 410
    assert "Send the image again with the report" in page.content.decode()


def test_more_images_need_a_worker(client, judged, axes, monkeypatch) -> None:
    monkeypatch.setattr(pulse, "alive", lambda queue: False)

    page = client.post(address(judged()), told(images=[upload(1)]))

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "15"
    assert not Report.objects.exists()


def test_twenty_one_images_are_too_many(client, axes) -> None:
    page = client.post(reverse("report"), told(images=[upload(n) for n in range(21)]))

    assert page.status_code == 422
    assert "at most 20 images" in page.content.decode()


def test_an_unknown_classification_is_not_found(client, axes) -> None:
    assert client.get(reverse("report") + "?classification=nonsense").status_code == 404
