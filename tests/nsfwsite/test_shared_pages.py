"""What strangers share of a page, and what they do not."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from feedback.models import ModelVersion
from nsfwsite import shared_pages

NONCE = re.compile(r'script nonce="([^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(autouse=True)
def _shared(settings):
    settings.SHARED_PAGE_SECONDS = 60
    shared_pages._shared.clear()
    yield
    shared_pages._shared.clear()


def title_is_shown(client: Client, title: str) -> bool:
    return title in client.get(reverse("home")).content.decode()


def test_strangers_see_the_same_page_for_a_while(champion, monkeypatch) -> None:
    assert title_is_shown(Client(), "The published model")
    ModelVersion.objects.update(title="Another title")
    assert title_is_shown(Client(), "The published model")
    later = time.monotonic() + 61
    monkeypatch.setattr(shared_pages.time, "monotonic", lambda: later)
    assert title_is_shown(Client(), "Another title")


def test_each_has_a_nonce_and_a_token_of_their_own(champion) -> None:
    clients = [Client(enforce_csrf_checks=True) for _ in range(2)]
    answers = [client.get(reverse("home")) for client in clients]
    nonces, tokens = [], []
    for answer in answers:
        page = answer.content.decode()
        (nonce,) = set(NONCE.findall(page))
        assert f"'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]
        nonces.append(nonce)
        tokens.append(TOKEN.findall(page)[0])
    assert nonces[0] != nonces[1]
    for client, token in zip(clients, tokens, strict=True):
        sent = {"csrfmiddlewaretoken": token, "sample": "no such sample"}
        assert client.post(reverse("home"), sent).status_code == 404
    stolen = {"csrfmiddlewaretoken": tokens[0], "sample": "no such sample"}
    assert clients[1].post(reverse("home"), stolen).status_code == 403
    same = ("Content-Type", "Permissions-Policy", "Vary", "Content-Length")
    assert [answers[0].headers[name] for name in same] == [
        answers[1].headers[name] for name in same
    ]


def test_whoever_is_signed_in_has_a_page_of_their_own(client, champion, ravi) -> None:
    client.force_login(ravi)
    assert title_is_shown(client, "Sign out ravi")
    assert not title_is_shown(Client(), "Sign out ravi")
    assert title_is_shown(client, "Sign out ravi")


def test_other_addresses_are_other_pages_and_refusals_are_not_kept(client, champion) -> None:
    client.get(reverse("reports"), {"label": "porn"})
    client.get(reverse("reports"))
    client.get(reverse("models"), headers={"HX-Request": "true"})
    client.get("/nothing/")
    assert sorted(shared_pages._shared) == [
        "http://testserver/reports/",
        "http://testserver/reports/?label=porn",
    ]


def test_few_pages_are_kept(client, champion, monkeypatch) -> None:
    monkeypatch.setattr(shared_pages, "MOST_PAGES", 3)
    for number in range(7):
        client.get(reverse("how"), {"n": number})
    assert len(shared_pages._shared) <= 3


def test_a_page_that_many_ask_for_at_once_is_made_once(settings) -> None:
    times = []

    @shared_pages.shared_page
    def slow(request):
        times.append(time.monotonic())
        time.sleep(0.2)
        return HttpResponse("a page")

    def ask(_: int) -> HttpResponse:
        request = RequestFactory().get("/slow/")
        request.csp_nonce = "a nonce"
        return slow(request)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert len(times) == 1
    assert {answer.content for answer in answers} == {b"a page"}
    assert sum(answer.headers.get("Vary") == "Cookie" for answer in answers) == 5
