import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import Audit, AuditSet


def measure(count: int, n: int) -> dict:
    rate = count / n if n else None
    spread = {"low": rate and rate / 2, "high": rate and rate * 1.5}
    return {"count": count, "n": n, "rate": rate, **spread}


def cell(n: int, wrong: int) -> dict:
    return {
        "n": n,
        "enough": n >= 30,
        "error": measure(wrong, n),
        "false_alarm": measure(wrong, n),
        "miss": measure(0, 0),
        "confusion": measure(0, n),
    }


FIGURES = {
    "images": 240,
    "minimum": 30,
    "labels": ["drawings", "neutral"],
    "overall": cell(240, 24),
    "classes": {"drawings": cell(200, 20), "porn": cell(0, 0)},
    "groups": {"medium": {"vector": cell(200, 50), "render": cell(4, 3)}},
}


@pytest.fixture
def audit(champion, axes):
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256="e" * 64, images=240, card="OpenMoji, CC BY-SA 4.0"
    )
    return Audit.objects.create(
        model=champion,
        audit_set=audit_set,
        status="done",
        figures=FIGURES,
        finished_at=timezone.now(),
    )


def test_anybody_reads_the_figures_with_their_ranges(client, audit) -> None:
    text = client.get(reverse("model", args=["v1"])).content.decode()

    assert "Flat vector drawing" in text
    assert "25.0%<small>12.5% to 37.5%</small><small>50 of 200</small>" in text
    assert "OpenMoji, CC BY-SA 4.0" in text


def test_too_few_images_are_no_figure(client, audit) -> None:
    page = client.get(reverse("model", args=["v1"]))

    text = page.content.decode()
    assert text.count("Insufficient data") == 2  # porn, and computer renderings
    assert "75.0%" not in text
    assert all(point["value"] != "Computer rendering" for point in page.context["points"])


def test_a_running_audit_tells_how_far_it_is(client, audit) -> None:
    Audit.objects.update(
        status="running", figures=None, progress={"stage": "auditing", "done": 3, "total": 240}
    )
    page = reverse("model", args=["v1"])

    assert "Auditing: 3 of 240" in client.get(page).content.decode()
    fragment = client.get(page, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()


def test_a_failed_audit_tells_the_public_nothing_of_the_machine(client, audit, mona) -> None:
    Audit.objects.update(
        status="failed",
        figures=None,
        failure="No such file: /srv/speakup/x.png",
        progress={"stage": "auditing", "done": 3, "total": 240, "pid": 4711},
    )
    page = reverse("model", args=["v1"])
    told = client.get(page).content.decode() + str(client.get("/api/v1/models/v1/audit/").json())
    assert "The audit failed" in told
    assert "/srv/speakup" not in told
    assert "4711" not in told

    client.force_login(mona)
    assert "/srv/speakup" in client.get(page).content.decode()


def test_the_list_says_which_model_is_in_service(client, audit) -> None:
    text = client.get(reverse("models")).content.decode()

    assert "In service" in text
    assert "Wrong on 10.0% of 240 audit images." in text


@pytest.mark.django_db
def test_an_unknown_model_is_not_found(client) -> None:
    assert client.get(reverse("model", args=["v9"])).status_code == 404
    assert client.get(reverse("model", args=["nine"])).status_code == 404


@pytest.mark.django_db
def test_empty_lists_stand(client) -> None:
    assert "There is none yet" in client.get(reverse("models")).content.decode()
    assert client.get(reverse("how")).status_code == 200
