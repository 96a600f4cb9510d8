import pytest
from django.urls import reverse

from feedback.models import Finding
from tests.nsfwsite.audits.examples import page_text


def test_a_page_without_a_finding_says_so(client, audit_and_findings) -> None:
    Finding.objects.all().delete()
    for name in ("counterfactual", "slices", "int8"):
        assert "There are no results for this model yet" in page_text(client, name)


def test_the_public_cannot_see_why_a_finding_failed(client, audit_and_findings, mona) -> None:
    Finding.objects.update(status="failed", failure="No such file: /srv/speakup/x.png")
    assert "This could not be computed" in page_text(client, "slices")
    assert "/srv/speakup" not in page_text(client, "slices")
    client.force_login(mona)
    assert "/srv/speakup" in page_text(client, "slices")
    finding = Finding.objects.get(kind="slices")
    client.post(reverse("retry-finding", args=[finding.pk]))
    finding.refresh_from_db()
    assert finding.status == "waiting"


@pytest.mark.django_db
def test_pages_of_findings_open_without_audits(client) -> None:
    for name in ("counterfactual", "slices"):
        assert "No audit is finished yet" in page_text(client, name)
