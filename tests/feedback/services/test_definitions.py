"""Definitions are revised in versions; objections are decided once."""

import datetime

import pytest
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Definition, LedgerEntry, Objection
from feedback.services import definitions

pytestmark = pytest.mark.django_db


def revise(by, **changes) -> Definition:
    fields = {
        "label": "sexy",
        "meaning": "Pictures that are posed to arouse.",
        "borderline": [{"picture": "A party dress", "label": "neutral"}],
        "reason": "What people wear decides nothing.",
        "by": by,
    }
    return definitions.revise(**{**fields, **changes})


@pytest.fixture
def objection(db) -> Objection:
    return definitions.object_to(label="sexy", words=" A skirt is no invitation. ")


def test_an_objection_is_to_the_version_that_stands(objection, mona) -> None:
    assert (objection.label, objection.version) == ("sexy", 1)
    assert (objection.words, objection.status) == ("A skirt is no invitation.", "open")
    revise(mona)
    assert definitions.object_to(label="sexy", words="Still.").version == 2
    assert definitions.object_to(label="porn", words="This too.").version == 1


def test_an_objection_is_to_a_known_label_and_has_words(db) -> None:
    with pytest.raises(Invalid, match="A label must be one of"):
        definitions.object_to(label="beautiful", words="No.")
    with pytest.raises(Invalid, match="What is wrong with a definition is said in 1"):
        definitions.object_to(label="sexy", words=" ")


def test_a_revision_is_stored_whole_and_in_the_ledger(mona) -> None:
    definition = revise(
        mona,
        meaning=" Pictures that are posed. ",
        borderline=[{"picture": " A party dress ", "label": "neutral"}],
        reason=" Clothes decide nothing. ",
    )
    definition.refresh_from_db()
    assert (definition.label, definition.version, definition.by) == ("sexy", 2, mona)
    assert definition.meaning == "Pictures that are posed."
    assert definition.reason == "Clothes decide nothing."
    assert definition.borderline == [{"picture": "A party dress", "label": "neutral"}]
    facts = LedgerEntry.objects.get(kind="definition").facts
    assert (facts["label"], facts["version"], facts["by"]) == ("sexy", 2, "mona")
    assert queries.definitions.definition_of("porn").version == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "dress"}, "A label must be one of"),
        ({"meaning": " "}, "A definition is said in 1 to 500"),
        ({"meaning": "x" * 501}, "A definition is said in 1 to 500"),
        ({"reason": " "}, "The public reason for a change is said in 1"),
        ({"borderline": [{"picture": "x", "label": "dress"}]}, "A label must be one of"),
        ({"borderline": [{"picture": " ", "label": "sexy"}]}, "A borderline image is said"),
        ({"borderline": [{"picture": "x" * 501, "label": "sexy"}]}, "A borderline image is"),
        ({"borderline": [{"picture": "x", "label": "sexy"}] * 21}, "at most 20 borderline"),
    ],
)
def test_a_revision_that_breaks_a_rule_is_refused(mona, changes, message) -> None:
    with pytest.raises(Invalid, match=message):
        revise(mona, **changes)
    assert not Definition.objects.exists()


def test_the_longest_revision_is_accepted(mona) -> None:
    longest = {"picture": "x" * 500, "label": "sexy"}
    assert revise(mona, meaning="x" * 500, borderline=[longest] * 20).version == 2


def test_a_revision_changes_the_meaning_or_an_example(mona) -> None:
    revise(mona)
    with pytest.raises(Invalid, match="A new version differs"):
        revise(mona, reason="Another reason.")
    assert revise(mona, meaning="Another meaning.").version == 3
    assert revise(mona, meaning="Another meaning.", borderline=[]).version == 4


def test_a_revision_answers_the_open_objections_to_its_label_that_it_names(
    objection, mona, ravi
) -> None:
    unnamed = definitions.object_to(label="sexy", words="Not named.")
    elsewhere = definitions.object_to(label="porn", words="Another label.")
    withdrawn = definitions.object_to(label="sexy", words="Withdrawn.")
    definitions.withdraw(objection=withdrawn)
    declined = definitions.object_to(label="sexy", words="Declined.")
    definitions.reject(objection=declined, reason="No.", by=ravi)
    named = [objection.pk, elsewhere.pk, withdrawn.pk, declined.pk]

    revise(mona, objections=named)

    for row in (objection, unnamed, elsewhere, withdrawn, declined):
        row.refresh_from_db()
    assert (objection.status, objection.decided_by) == ("accepted", mona)
    assert objection.reason == "What people wear decides nothing."
    assert abs(timezone.now() - objection.decided_at) < datetime.timedelta(minutes=1)
    assert [row.status for row in (unnamed, elsewhere, withdrawn, declined)] == [
        "open",
        "open",
        "withdrawn",
        "declined",
    ]
    assert (declined.decided_by, declined.reason) == (ravi, "No.")


def test_two_revisions_at_once_make_one_version(objection, mona, monkeypatch) -> None:
    before = queries.definitions.definition_of("sexy")
    revise(mona)
    monkeypatch.setattr(queries.definitions, "definition_of", lambda label: before)
    with pytest.raises(WrongState, match="written once"):
        revise(mona, meaning="Another meaning.", objections=[objection.pk])
    objection.refresh_from_db()
    assert (Definition.objects.count(), objection.status) == (1, "open")


def test_an_objection_is_rejected_once_with_a_reason_by_a_maintainer(objection, mona, ravi) -> None:
    other = definitions.object_to(label="sexy", words="Another.")
    with pytest.raises(Invalid, match="The reason for rejecting is said in 1"):
        definitions.reject(objection=objection, reason=" ", by=mona)
    stale = Objection.objects.get(pk=objection.pk)
    definitions.reject(objection=objection, reason=" The cases say so. ", by=mona)
    objection.refresh_from_db()
    assert (objection.status, objection.reason) == ("declined", "The cases say so.")
    assert objection.decided_by == mona
    assert objection.decided_at is not None
    with pytest.raises(WrongState, match=r"decided once.*, declined"):
        definitions.reject(objection=stale, reason="Again.", by=ravi)
    objection.refresh_from_db()
    other.refresh_from_db()
    assert (objection.reason, objection.decided_by) == ("The cases say so.", mona)
    assert other.status == "open"


def test_an_objection_is_withdrawn_once_even_after_it_was_decided(objection, mona) -> None:
    other = definitions.object_to(label="sexy", words="Another.")
    definitions.reject(objection=objection, reason="About Rosa.", by=mona)
    definitions.withdraw(objection=objection)
    objection.refresh_from_db()
    assert (objection.status, objection.words, objection.reason) == ("withdrawn", "", "")
    with pytest.raises(WrongState, match="withdrawn once"):
        definitions.withdraw(objection=objection)
    other.refresh_from_db()
    assert (other.status, other.words) == ("open", "Another.")
