"""Three audit questions, and under each the pages that answer it."""

from django.urls import reverse

from feedback.models import Finding


def test_a_page_without_results_is_not_offered(client, two_models) -> None:
    text = client.get(reverse("threshold")).content.decode()
    assert f'<a href="{reverse("threshold")}" aria-current="page">' in text
    assert reverse("slices") not in text


def test_only_two_audits_are_compared(client, audit) -> None:
    assert reverse("compare") not in client.get(reverse("models")).content.decode()


def test_what_is_being_computed_is_named_without_a_link(client, audit) -> None:
    Finding.objects.create(audit=audit, kind="slices", status="running")
    text = client.get(reverse("counterfactual")).content.decode()
    assert "Slices: being computed" in text
    assert f'href="{reverse("slices")}"' not in text


def test_the_ledger_is_one_of_the_pages_that_can_be_checked(client, db) -> None:
    text = client.get(reverse("ledger")).content.decode()
    assert f'<a href="{reverse("ledger")}" aria-current="page">Ledger' in text
    assert f'<a href="{reverse("audits")}" aria-current="page">Audits' in text


def test_results_of_one_audit_are_enough_to_be_offered(client, audit_and_findings) -> None:
    text = client.get(reverse("policy")).content.decode()
    assert "Release policy" in text
    assert f'href="{reverse("int8")}">Quantized model' in text
