import datetime

import pytest
from django.utils import timezone

from feedback.models import Classification, StoredImage
from feedback.services import classifications

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


def aged(classification: Classification, by: datetime.timedelta) -> Classification:
    old = Classification.objects.filter(pk=classification.pk)
    old.update(created_at=timezone.now() - by)
    return old.get()


def test_images_are_deleted_in_minutes_and_answers_in_a_day(judged):
    young, old, older = judged(1), judged(2), judged(3)
    aged(old, HOUR)
    aged(older, 25 * HOUR)

    classifications.delete_expired()

    assert {row.pk: row.image for row in Classification.objects.all()} == {
        young.pk: young.image,
        old.pk: None,
    }
    assert StoredImage.objects.get() == young.image


def test_an_image_of_a_report_is_not_deleted_with_the_answer(judged, filed):
    shown = aged(judged(), HOUR)
    report = filed(classifications=[shown])

    classifications.delete_image(shown)

    assert report.examples.get().image == shown.image
