"""Labels mean what a public, versioned text says."""

import pytest
from django.urls import reverse

from feedback.models import Definition, LedgerEntry
from feedback.services import ledger
from modeltrain.labels import LABELS

pytestmark = pytest.mark.django_db


def text_of(answer) -> str:
    return answer.content.decode()


def revision(**changes) -> dict:
    fields = {
        "label": "sexy",
        "meaning": "Pictures that are posed to arouse, and not pornographic.",
        "borderline": "A party dress → neutral\n\nA posed picture in lingerie -> sexy",
        "reason": "What people wear decides nothing.",
    }
    return {**fields, **changes}


def test_every_label_has_a_meaning_and_borderline_cases(client) -> None:
    text = text_of(client.get(reverse("definitions")))

    assert all(f'id="{label}"' in text for label in LABELS)
    assert "A woman in a short dress at a party, not posed" in text
    assert "Change it" not in text


def test_a_maintainer_changes_a_meaning_and_everybody_reads_why(client, mona, objection) -> None:
    client.force_login(mona)
    assert objection.words in text_of(client.get(reverse("definitions")))
    client.post(reverse("revise"), revision(objection=[objection.pk]))
    client.logout()

    text = text_of(client.get(reverse("definitions")))
    assert "Pictures that are posed to arouse" in text
    assert "Suggestive pictures of people" in text  # the first version
    assert "What people wear decides nothing." in text
    story = text_of(client.get(reverse("objection", args=[objection.receipt])))
    assert "The meaning was changed" in story
    assert "version 2: Pictures that are posed" in story
    assert Definition.objects.get().borderline == [
        {"picture": "A party dress", "label": "neutral"},
        {"picture": "A posed picture in lingerie", "label": "sexy"},
    ]
    entry = LedgerEntry.objects.get(kind="definition")
    assert (entry.facts["label"], entry.facts["version"], entry.facts["by"]) == ("sexy", 2, "mona")
    assert not list(ledger.problems())
    assert "what sexy means" in text_of(client.get(reverse("ledger")))
    assert "Pictures that are posed" in text_of(client.get(reverse("report")))


@pytest.mark.parametrize(
    "changes",
    [
        {"meaning": ""},
        {"reason": " "},
        {"meaning": "x" * 501},
        {"borderline": "a party dress"},
        {"borderline": "a party dress → dress"},
        {"borderline": "→ neutral"},
        {"borderline": "\n".join(f"picture {n} → neutral" for n in range(21))},
        {"label": "dress"},
    ],
)
def test_a_bad_revision_is_refused_and_keeps_what_was_written(client, mona, changes) -> None:
    client.force_login(mona)

    answer = client.post(reverse("revise"), revision(**changes))

    assert answer.status_code == 422
    if changes.get("label", "sexy") in LABELS and "reason" not in changes:
        assert "What people wear decides nothing." in text_of(answer)
    assert not Definition.objects.exists()


def test_the_same_meaning_again_is_no_new_version(client, mona) -> None:
    client.force_login(mona)
    client.post(reverse("revise"), revision())

    assert client.post(reverse("revise"), revision()).status_code == 422
    assert Definition.objects.get().version == 2


def test_only_maintainers_decide(client, ravi, objection) -> None:
    client.force_login(ravi)

    assert client.post(reverse("revise"), revision()).status_code == 403
    where = reverse("reject-objection", args=[objection.pk])
    assert client.post(where, {"reason": "No."}).status_code == 404
