"""Files are refused by size before they are read, and by contents in another process."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from feedback.errors import ImageRefused
from feedback.services import uploads
from modeltrain.images.codec import Limits, MachineBusy
from tests.conftest import noise, png

MIB = 2**20


def file_of(size: int) -> SimpleUploadedFile:
    return SimpleUploadedFile("picture.png", bytes(size))


def test_a_file_may_be_as_large_as_the_limit_and_no_larger():
    largest = Limits.max_bytes
    uploads.refuse_by_size(file_of(1))
    uploads.refuse_by_size(file_of(largest))
    with pytest.raises(ImageRefused) as refusal:
        uploads.refuse_by_size(file_of(largest + MIB // 2))
    assert refusal.value.rule == "An image must be at most 15 MiB."
    assert refusal.value.received == "15.5 MiB"
    with pytest.raises(ImageRefused):
        uploads.refuse_by_size(file_of(largest + 1))


def test_an_empty_file_is_refused():
    empty, unknown = file_of(0), file_of(0)
    unknown.size = None
    for upload in (empty, unknown):
        with pytest.raises(ImageRefused, match="0 bytes"):
            uploads.refuse_by_size(upload)


def test_an_image_is_decoded_to_its_pixels():
    assert (uploads.decode_or_refuse(png(3)) == noise(3)).all()


def test_what_is_no_image_is_refused_for_the_reason_of_the_decoder():
    with pytest.raises(ImageRefused) as refusal:
        uploads.decode_or_refuse(b"no image")
    reason = refusal.value.__cause__
    assert (refusal.value.rule, refusal.value.received, refusal.value.remedy) == (
        reason.rule,
        reason.received,
        reason.remedy,
    )


def test_an_image_that_gets_no_processor_time_is_not_refused():
    with pytest.raises(MachineBusy):
        uploads.decode_or_refuse(png(3), limits=Limits(wall_seconds=0.0001))
