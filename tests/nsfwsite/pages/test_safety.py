"""Sara has the safety role; Ada is a superuser and has not."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from feedback import queries, roles
from feedback.errors import WrongState
from feedback.models import BlockedHash, Example, ExampleScore, LedgerEntry, Look, Report
from feedback.models.append_only import AppendOnlyViolation
from feedback.services import blocklist, reports, safety, triage
from tests.cast import account


@pytest.fixture
def sara(db) -> User:
    return account("sara", roles.SAFETY)


@pytest.fixture
def escalated(queued, ravi) -> Report:
    report = queued(1)
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")
    report.refresh_from_db()
    return report


def page_of(report):
    return reverse("safety-case", args=[report.pk])


def picture_of(report):
    return report.examples.get().image


def act(client, report, action, note="A blocked picture."):
    return client.post(page_of(report), {"action": action, "note": note})


def test_safety_is_for_the_safety_role_alone(client, escalated, ravi, mona, sara) -> None:
    pages = [
        reverse("safety"),
        page_of(escalated),
    ]
    picture = reverse("image", args=[picture_of(escalated).pk])
    for user in (User.objects.create_superuser("ada"), ravi, mona):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages] == [403, 404]
        assert act(client, escalated, "delete").status_code == 404
        assert client.get(f"{picture}?clear").status_code == 404
        reveal = reverse("reveal", args=[picture_of(escalated).pk])
        assert client.post(reveal).status_code in (403, 404)
        assert picture not in client.get(reverse("case", args=[escalated.pk])).content.decode()
    assert not Look.objects.exists()

    client.force_login(sara)
    assert [client.get(page).status_code for page in pages] == [200, 200]
    assert client.get(reverse("triage")).status_code == 403


def test_nobody_decides_or_withdraws_an_escalated_report(escalated, ravi, mona) -> None:
    for by in (ravi, mona):
        with pytest.raises(WrongState):
            triage.decide(report=escalated, outcome="accepted", by=by)
        for act in (safety.hand_back, safety.delete_images):
            with pytest.raises(WrongState, match="people with the safety role"):
                act(report=escalated, by=by, note="I want to.")
    with pytest.raises(WrongState):
        reports.withdraw(report=escalated)
    assert picture_of(escalated)


def test_every_look_is_logged_and_shown(client, escalated, sara) -> None:
    client.force_login(sara)
    page = client.get(page_of(escalated)).content.decode()
    assert "?clear" not in page
    shown = client.post(reverse("reveal", args=[picture_of(escalated).pk])).content.decode()
    client.get(re.search(r'src="([^"]*\?clear)"', shown)[1])

    assert [(look.by, look.what, look.picture) for look in Look.objects.all()] == [
        (sara, "saw", 1),
        (sara, "opened", None),
    ]
    text = client.get(reverse("safety")).content.decode()
    assert f"saw an image: report {escalated.pk}, image 1" in text


def test_the_log_of_looks_is_never_rewritten(escalated, sara) -> None:
    safety.record_opening(report=escalated, by=sara)
    look = Look.objects.get()
    for change in (look.save, look.delete, Look.objects.all().delete):
        with pytest.raises(AppendOnlyViolation):
            change()
    with pytest.raises(AppendOnlyViolation):
        Look.objects.update(note="Nothing")


def test_sara_blocks_its_pictures(client, escalated, filed, sara) -> None:
    client.force_login(sara)
    act(client, escalated, "block", "From a known series")

    assert BlockedHash.objects.first().source == f"From a known series (report {escalated.pk})"
    assert blocklist.matches([picture_of(escalated)])
    again = filed(1)
    reports.screen(pk=again.pk)
    again.refresh_from_db()
    assert again.status == "escalated"
    assert "by the blocklist" in client.get(reverse("safety")).content.decode()


def test_sara_hands_back_what_was_a_mistake(client, escalated, sara, ravi) -> None:
    client.force_login(sara)
    act(client, escalated, "hand-back", "It is a fox.")

    escalated.refresh_from_db()
    assert escalated.status == "queued"
    assert list(queries.triage.open_cases(ravi)) == [escalated]
    assert LedgerEntry.objects.first().facts["outcome"] == "handed back"
    triage.decide(report=escalated, outcome="accepted", by=ravi)
    assert client.get(page_of(escalated)).status_code == 404


def test_sara_deletes_pictures_for_good(
    client, escalated, sara, django_capture_on_commit_callbacks
) -> None:
    client.force_login(sara)
    image = picture_of(escalated)
    with django_capture_on_commit_callbacks(execute=True):
        act(client, escalated, "delete", "Reported to the police, number 7.")

    assert not image.file.storage.exists(image.file.name)
    assert Example.objects.get().image is None
    assert Look.objects.first().note == "Reported to the police, number 7."
    receipt = client.get(reverse("receipt", args=[escalated.receipt])).content.decode()
    assert "police" not in receipt
    answer = act(client, escalated, "block")
    assert (answer.status_code, "which has none" in answer.content.decode()) == (409, True)


@pytest.mark.parametrize("action", ["block", "hand-back", "delete"])
def test_each_step_needs_a_note(client, escalated, sara, action) -> None:
    client.force_login(sara)
    assert act(client, escalated, action, " ").status_code == 422
    escalated.refresh_from_db()
    assert (escalated.status, bool(picture_of(escalated))) == ("escalated", True)
    assert not Look.objects.exists()


def test_an_image_that_the_model_takes_for_explicit_asks_once_more(client, ravi, queued) -> None:
    report = queued(1)
    scores = {"drawings": 0.1, "hentai": 0.3, "neutral": 0.1, "porn": 0.2, "sexy": 0.3}
    ExampleScore.objects.update(scores=scores)
    client.force_login(ravi)
    case, picture = reverse("case", args=[report.pk]), picture_of(report)
    closed = client.get(case).content.decode()
    assert reverse("image", args=[picture.pk]) + '"' not in closed
    assert "for explicit" in closed

    reveal = reverse("reveal", args=[picture.pk])
    assert "?clear" not in client.post(reveal).content.decode()
    assert "?clear" in client.post(reveal, {"confirmed": "yes"}).content.decode()
