from feedback.models import Finding
from tests.nsfwsite.audits.examples import page_text


def test_published_models_are_shown_side_by_side(client, audit_and_findings) -> None:
    text = page_text(client, "published")
    assert "Inception v3 (v1)" in text
    assert "63 of 63" in text  # MobileNetV2Mid's false alarms; one image is explicit
    assert text.count("12\xa0ms") + text.count("12 ms") == 3
    assert text.count("<small>nsfwjs 4.3.0, MIT</small>") == 3
    assert "compared only" in text


def test_the_gate_judges_each_of_the_others(client, audit_and_findings) -> None:
    text = page_text(client, "published")
    assert "Everything that the gate says of MobileNetV2Mid" in text
    assert "No group is shown to have more false alarms under MobileNetV2 than under v1" in text
    assert "points of false alarms under MobileNetV2Mid" in text


def test_a_chart_has_a_dot_for_each_model_and_group(client, audit_and_findings) -> None:
    rows = client.get("/audits/models/?chart=false-alarms&as=json").json()["rows"]
    assert [row["model"] for row in rows[:3]] == [
        "Inception v3 (v1)",
        "MobileNetV2",
        "MobileNetV2Mid",
    ]
    assert [row["rate"] for row in rows if row["model"] == "MobileNetV2Mid"] == [1.0] * (
        len(rows) // 3
    )


def test_the_page_says_that_the_comparison_is_still_to_come(client, audit_and_findings) -> None:
    Finding.objects.filter(kind="published").delete()
    assert "This comparison is not there yet." in page_text(client, "published")


def test_the_page_says_that_no_audit_is_finished(client, champion) -> None:
    assert "No audit is finished yet." in page_text(client, "published")
