"""Near-duplicates of a case are listed with what they have in common."""

import pytest

from feedback import queries

pytestmark = pytest.mark.django_db


def test_near_duplicates_are_listed_oldest_first_up_to_a_limit(queued, ravi) -> None:
    case, *copies = [queued(1) for _ in range(4)]
    queued(2)
    near, more = queries.near_duplicates.near_duplicates(case, ravi, limit=2)
    assert [duplicate.report for duplicate in near] == copies[:2]
    assert more == 1


def test_a_near_duplicate_with_another_image_or_label_does_not_agree(queued, judged, ravi) -> None:
    case = queued(1)
    same, mixed, other_label = (
        queued(1),
        queued(classifications=[judged(1), judged(2)]),
        queued(1, kind="unfair", expected_label="neutral"),
    )
    near, more = queries.near_duplicates.near_duplicates(case, ravi, limit=9)
    assert more == 0
    assert {
        duplicate.report: (len(duplicate.alike), duplicate.others, duplicate.agrees_with(case))
        for duplicate in near
    } == {same: (1, 0, True), mixed: (1, 1, False), other_label: (1, 0, False)}
