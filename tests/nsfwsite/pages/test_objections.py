"""Anybody can say that a meaning is wrong, and learns what became of it."""

import pytest
from django.urls import reverse

from feedback.models import Objection

pytestmark = pytest.mark.django_db


WORDS = "A short skirt is no invitation: women at a party are called sexy."


def text_of(answer) -> str:
    return answer.content.decode()


def test_an_objection_has_a_receipt_and_its_words_are_not_public(client, objection) -> None:
    answer = client.get(reverse("objection", args=[objection.receipt]))

    assert objection.words in text_of(answer)
    assert "A maintainer reads it and decides." in text_of(answer)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert objection.words not in text_of(client.get(reverse("definitions")))
    assert client.get(reverse("objection", args=["a-guess"])).status_code == 404


@pytest.mark.parametrize(
    ("label", "words"), [("sexy", " "), ("sexy", "x" * 2001), ("beautiful", WORDS), ("", WORDS)]
)
def test_a_bad_objection_is_refused_and_keeps_what_was_written(client, label, words) -> None:
    answer = client.post(reverse("object"), {"label": label, "words": words})

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not Objection.objects.exists()


def test_a_rejected_objection_gives_the_reason_and_is_decided_once(client, mona, objection) -> None:
    client.force_login(mona)
    where = reverse("reject-objection", args=[objection.pk])
    assert client.post(where, {"reason": ""}).status_code == 422
    client.post(where, {"reason": "The borderline cases say so already."})

    assert client.post(where, {"reason": "Again."}).status_code == 409
    client.logout()
    for page in (reverse("definitions"), reverse("objection", args=[objection.receipt])):
        assert "The borderline cases say so already." in text_of(client.get(page))


def test_withdrawing_deletes_the_words(client, objection) -> None:
    where = reverse("withdraw-objection", args=[objection.receipt])
    client.post(where)

    objection.refresh_from_db()
    assert (objection.status, objection.words) == ("withdrawn", "")
    again = client.post(where)
    assert again.status_code == 409
    assert again.headers["Referrer-Policy"] == "no-referrer"
    assert f'href="{reverse("objection", args=[objection.receipt])}"' in text_of(again)


def test_hostile_text_is_escaped(client, mona) -> None:
    client.post(reverse("object"), {"label": "porn", "words": "<script>alert(1)</script>\u202e"})
    client.force_login(mona)

    assert "&lt;script&gt;alert(1)" in text_of(client.get(reverse("definitions")))
