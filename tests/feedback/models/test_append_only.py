"""A row of an append-only table is written once, whichever way somebody tries to change it."""

import pytest
from django.db import IntegrityError, transaction

from feedback.models import LedgerEntry, Look
from feedback.models.append_only import AppendOnly, AppendOnlyViolation

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(ravi, queued) -> Look:
    return Look.objects.create(
        report=queued().pk, by=ravi, what=Look.Action.SAW, picture=1, escalated=False
    )


def test_a_row_can_neither_be_saved_again_nor_deleted(look) -> None:
    look.picture = 2
    for forbidden in (look.save, look.delete):
        with pytest.raises(AppendOnlyViolation, match="are never changed or deleted"):
            forbidden()
    assert Look.objects.get().picture == 1


def test_rows_can_neither_be_updated_nor_deleted_together(look) -> None:
    with pytest.raises(AppendOnlyViolation):
        Look.objects.update(picture=2)
    with pytest.raises(AppendOnlyViolation):
        Look.objects.all().delete()
    assert Look.objects.get().picture == 1


def test_a_row_that_takes_the_place_of_another_is_no_new_row(look) -> None:
    copy = Look.objects.get()
    copy._state.adding = True
    copy.picture = 2
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()
    assert Look.objects.get().picture == 1


def test_the_ledger_and_the_looks_of_reviewers_are_append_only() -> None:
    assert issubclass(LedgerEntry, AppendOnly)
    assert issubclass(Look, AppendOnly)
