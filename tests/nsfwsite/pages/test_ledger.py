import json

import pytest
from django.urls import reverse

from feedback.models import DatasetVersion, LedgerEntry, ModelVersion, Retrain
from feedback.services import ledger, triage
from tests.feedback.services.test_ledger import CHECKER

pytestmark = pytest.mark.django_db


def text_of(client, query: str = "") -> str:
    return " ".join(client.get(reverse("ledger") + query).content.decode().split())


@pytest.fixture
def decided(queued, ravi, mona):
    accepted, rejected = queued(1), queued(2)
    triage.decide(report=accepted, outcome="accepted", by=ravi)
    triage.decide(report=rejected, outcome="rejected", by=ravi, reason="A photograph of my cat.")
    return accepted, rejected


def test_anybody_reads_what_was_decided_in_plain_words(client, decided) -> None:
    text = text_of(client)

    assert "A reviewer agreed with a report." in text
    assert "A reviewer did not agree with a report." in text
    assert text.index("did not agree") < text.index("A reviewer agreed")


def test_the_page_shows_the_newest_hash_to_keep(client, decided) -> None:
    assert f'<code class="hash">{LedgerEntry.objects.first().hash}</code>' in text_of(client)


def test_the_ledger_shows_no_texts_and_no_reviewer_of_a_report(client, decided) -> None:
    text = text_of(client)

    for private in ("my cat", "ravi", "It is a drawing", decided[0].receipt):
        assert private not in text


def test_one_kind_is_shown_by_its_address(client, decided) -> None:
    assert "The ledger begins." not in text_of(client, "?kind=report")
    assert "A reviewer agreed" not in text_of(client, "?kind=genesis")
    assert "There is none of this kind yet." in text_of(client, "?kind=rollback")
    assert "A reviewer agreed" in text_of(client, "?kind=nonsense&page=nonsense")


def test_older_entries_are_on_other_pages(client, db) -> None:
    for step in range(60):
        ledger.write(ledger.Kind.GATE, retrain=step, model="v1", against="v1", verdict="pass")

    assert "?kind=gate&amp;page=2" in text_of(client, "?kind=gate")
    assert 'id="entry-2"' in text_of(client, "?page=3")


def test_a_hostile_reason_is_escaped(client, db) -> None:
    reason = "<script>alert(1)</script> \u202egnp.exe"
    facts = {"model": "v1", "verdict": "blocked", "by": "mona", "reason": reason}
    ledger.write(ledger.Kind.OVERRIDE, **facts)

    text = text_of(client)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    downloaded = b"".join(client.get(reverse("ledger-download")).streaming_content).decode()
    assert json.loads(downloaded.splitlines()[-1])["facts"]["reason"] == reason


def test_the_download_is_streamed_from_the_first_entry(client, decided) -> None:
    answer = client.get(reverse("ledger-download"))

    assert answer.streaming
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_site_where_nothing_was_decided_says_so(client, db) -> None:
    assert "Nothing was decided yet." in text_of(client)


def test_the_checker_is_handed_out_as_it_is_in_the_docs(client, db) -> None:
    answer = client.get(reverse("ledger-checker"))

    assert b"".join(answer.streaming_content) == CHECKER.read_bytes()
    assert 'filename="check_ledger.py"' in answer.headers["Content-Disposition"]


def test_a_verdict_says_what_its_policy_leaves_out(client, champion, mona) -> None:
    policy = {
        "version": 3,
        "not_covered": [{"axis": "class", "value": "porn", "reason": "None is kept."}],
        "exceptions": [{"axis": "medium", "value": "render", "reason": "Labels are doubtful."}],
    }
    retrain = Retrain.objects.create(
        base=champion,
        candidate=ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1"),
        dataset=DatasetVersion.objects.create(
            number=2, manifest_sha256="2" * 64, images=9, added=1
        ),
        config="head",
        gate={"verdict": "blocked", "sentence": "Worse.", "policy": policy, "cells": []},
        override_reason="It is urgent.",
        proposed_by=mona,
    )
    ledger.record_gate(retrain)
    ledger.record_override(retrain, by=mona)
    text = text_of(client)
    assert (
        text.count(
            "Porn images are not required (None is kept). Images with medium render are not judged "
            "(Labels are doubtful)."
        )
        == 2
    )
