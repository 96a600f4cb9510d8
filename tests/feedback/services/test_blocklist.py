"""Hash lists come in whole or not at all; what is on them stops a report before anyone looks."""

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image, ImageOps

from feedback.models import BlockedHash, Report
from feedback.services import blocklist, images, reports
from modeltrain.images.blocklist import dihedral_hashes
from tests.conftest import noise

pytestmark = pytest.mark.django_db
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def listed(tmp_path):
    def write(*lines):
        path = tmp_path / "list.txt"
        path.write_text("\n".join(lines))
        return path

    return write


def imported(path, **options):
    call_command("import_blocklist", path, source="a list of 2026", **options)


def mirrored(judged, seed):
    """A classification of the mirrored picture."""
    classification = judged(seed)
    mirror_image = ImageOps.mirror(Image.fromarray(noise(seed, (80, 60))))
    classification.image = images.store(np.asarray(mirror_image))
    classification.save()
    return classification


def test_importing_a_list_twice_adds_its_hashes_once(listed, capsys):
    path = listed("hash,quality", ONE, f"{TWO},90", "# the end", ONE.upper(), f"{'3' * 64},49")
    imported(path)
    imported(path)

    assert list(BlockedHash.objects.order_by("pdq").values_list("pdq", "source")) == [
        (ONE, "a list of 2026"),
        (TWO, "a list of 2026"),
    ]
    output = capsys.readouterr().out
    assert "4 hashes read, 2 of them new" in output
    assert "4 hashes read, 0 of them new" in output
    assert "1 with a quality under 50" in output


def test_a_list_with_malformed_lines_is_not_imported(listed):
    with pytest.raises(CommandError) as refused:
        imported(listed(ONE, "zebra", TWO, "1234"))

    assert not BlockedHash.objects.exists()
    for part in ("line 2", "'zebra'", "line 4", "'1234'", "64 hexadecimal digits", "Nothing was"):
        assert part in str(refused.value)


def test_of_many_malformed_lines_20_are_named_and_the_others_counted(listed):
    with pytest.raises(CommandError) as refused:
        imported(listed(*["zebra"] * 20))
    assert "line 20: " in str(refused.value)
    assert "more" not in str(refused.value)
    with pytest.raises(CommandError, match="and 3 more") as refused:
        imported(listed(*["zebra"] * 23))
    assert "line 21: " not in str(refused.value)


def test_malformed_lines_can_be_left_out_and_are_named(listed, capsys):
    imported(listed(ONE, "zebra", TWO), skip_malformed=True)

    assert BlockedHash.objects.count() == 2
    assert "left out: line 2" in capsys.readouterr().out


def test_a_list_needs_a_source(listed):
    with pytest.raises(CommandError, match="1 to 200 characters"):
        call_command("import_blocklist", listed(ONE), source=" ")
    assert not BlockedHash.objects.exists()


def test_a_mirrored_copy_of_a_listed_picture_is_stopped_and_another_is_not(filed, judged):
    BlockedHash.objects.create(pdq=dihedral_hashes(noise(1, (80, 60)))[0].bits, source="a test")
    copy, other = filed(1, classifications=[mirrored(judged, 1)]), filed(2)
    for report in (copy, other):
        reports.screen(pk=report.pk)
        report.refresh_from_db()

    assert (copy.status, other.status) == (Report.Status.ESCALATED, Report.Status.QUEUED)


def test_a_hash_takes_effect_as_soon_as_it_is_added_or_deleted():
    picture = images.store(noise(1, (80, 60)))
    assert not blocklist.matches([picture])
    blocklist.block(images=[picture], source="a test")
    assert blocklist.matches([picture])
    BlockedHash.objects.all().delete()
    BlockedHash.objects.create(pdq=ONE, source="a test")
    assert not blocklist.matches([picture])


def test_what_is_blocked_and_what_is_too_plain_are_counted():
    pictures = [images.store(noise(seed, (80, 60))) for seed in (1, 2)]
    plain = images.store(np.full((80, 60, 3), 200, dtype=np.uint8))
    assert blocklist.block(images=[*pictures, plain], source="a test") == (2, 1)


def test_the_admin_deletes_hashes_and_adds_none(client):
    client.force_login(User.objects.create_superuser("ada"))
    row = BlockedHash.objects.create(pdq=ONE, source="a test")
    pages = [
        reverse("admin:feedback_blockedhash_add"),
        reverse("admin:feedback_blockedhash_change", args=[row.pk]),
        reverse("admin:feedback_blockedhash_delete", args=[row.pk]),
    ]
    answers = [client.post(page, {"pdq": TWO, "source": "x"}).status_code for page in pages[:2]]
    assert answers == [403, 403]
    client.post(pages[2], {"post": "yes"})
    assert not BlockedHash.objects.exists()
