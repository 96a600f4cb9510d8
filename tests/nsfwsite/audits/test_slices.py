import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from feedback.models import Finding, NamedSlice
from tests.nsfwsite.audits.examples import page_text


def test_each_region_is_compared_with_all_other_images(client, audit_and_findings) -> None:
    text = page_text(client, "slices")
    assert "Wrong on <strong>60.0%</strong> of 15 images here (35.7% to 80.2%)" in text
    assert "on 10.0% of 30 everywhere else: +50.0 points, +22.0 to +71.0" in text
    assert "drawings called neutral (12 of 12)" in text


def post_name(client, title: str = "Flags", region: str = "0"):
    finding = Finding.objects.get(kind="slices")
    data = {"finding": finding.pk, "region": region, "title": title}
    return client.post(reverse("name-slice"), data)


def test_mona_names_a_slice_and_everybody_can_read_who_did(
    client, audit_and_findings, mona: User
) -> None:
    client.force_login(mona)
    assert post_name(client).status_code == 302
    named = NamedSlice.objects.get()
    assert (named.title, named.named_by, len(named.images)) == ("Flags", mona, 34)
    client.logout()
    text = page_text(client, "slices")
    assert '<h2 id="region-0">Flags</h2>' in text
    assert "Named by <strong>mona</strong>" in text
    assert "Take the name" not in text

    client.force_login(mona)
    client.post(reverse("take-back-slice", args=[named.pk]))
    client.logout()
    assert "Taken back by <strong>mona</strong>" in page_text(client, "slices")


@pytest.mark.parametrize(("title", "region"), [("!", "0"), ("Flags", "7"), ("Flags", "x")])
def test_an_invalid_name_or_region_is_refused(
    client, audit_and_findings, mona, title, region
) -> None:
    client.force_login(mona)
    assert post_name(client, title, region).status_code == 422
    assert not NamedSlice.objects.exists()


def test_only_a_maintainer_may_name_take_back_and_retry(client, audit_and_findings, ravi) -> None:
    client.force_login(ravi)
    assert post_name(client).status_code == 403
    for name in ("take-back-slice", "retry-finding"):
        assert client.post(reverse(name, args=[1])).status_code == 404
    assert "What they have in common" not in page_text(client, "slices")
