from django.urls import reverse

from feedback.models import Finding
from tests.nsfwsite.audits.examples import SETS, page_text


def test_flips_and_shifts_have_intervals(client, audit_and_findings) -> None:
    page = client.get(reverse("counterfactual"))
    flips, shifts = (page.context["charts"][name] for name in ("flips", "shifts"))
    rows = {row[1]: row for row in flips.rows}
    assert rows["Skin tone"][6] == SETS - 1  # one image of a pair has another label
    assert rows["Mirrored"][2] == 0.0
    assert rows["30% darker"][2] > 0.2
    assert all(row[3] - 1e-9 <= row[2] <= row[4] + 1e-9 for row in flips.rows)
    assert ["Skin tone", "Light"] in [row[:2] for row in shifts.rows]
    assert "never why it is wrong" in page.content.decode()


def test_the_images_farthest_apart_are_side_by_side(client, audit_and_findings) -> None:
    text = page_text(client, "counterfactual", show="30 % darker")
    assert "As it is" in text
    assert "?change=5" in text


def test_an_audit_set_without_counterparts_says_so(client, audit_and_findings) -> None:
    finding = Finding.objects.get(kind="counterfactual")
    del finding.figures["skin_tone"]
    finding.save()
    assert "No counterparts in this set" in page_text(client, "counterfactual")


def test_a_value_in_many_sets_of_few_clusters_has_no_figure(client, audit_and_findings) -> None:
    finding = Finding.objects.get(kind="counterfactual")
    finding.figures["skin_tone"]["values"]["light"] |= {"n": 300, "clusters": 29}
    finding.save()
    shifts = client.get(reverse("counterfactual")).context["charts"]["shifts"]
    drawn = [row[:2] for row in shifts.rows]
    assert ["Skin tone", "Light"] not in drawn
    assert ["Skin tone", "Dark"] in drawn


def test_a_change_of_too_few_images_has_no_figure(client, audit_and_findings) -> None:
    finding = Finding.objects.get(kind="counterfactual")
    finding.figures["greyscale"]["flips"] |= {"n": 4, "clusters": 4}
    finding.save()
    text = page_text(client, "counterfactual")
    assert "Greyscale (4)" in text
