from django.urls import reverse

from feedback.models import Finding, ModelVersion
from tests.nsfwsite.audits.examples import page_text


def graph_address(settings, sha256: str) -> str:
    folder = settings.ARTIFACTS_DIR / sha256[:12]
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"a graph")
    return reverse("graph", args=[sha256])


def test_an_export_that_passes_is_served_and_names_groups_with_too_few_images(
    client, audit_and_findings, settings
) -> None:
    address = graph_address(settings, "8" * 64)
    text = page_text(client, "int8")
    assert "Handed out to browsers" in text
    assert "there are too few images of hentai, neutral, sexy" in text
    assert "23 MB" in text
    assert address in text
    response = client.get(address)
    assert b"".join(response.streaming_content) == b"a graph"
    assert "immutable" in response.headers["Cache-Control"]


def test_an_export_that_the_gate_blocks_is_not_served(client, audit_and_findings, settings) -> None:
    finding = Finding.objects.get(kind="int8")
    finding.figures["gate"] |= {"verdict": "blocked", "sentence": "It is worse for drawings."}
    finding.save()
    address = graph_address(settings, "8" * 64)
    text = page_text(client, "int8")
    assert "Not handed out" in text
    assert "It is worse for drawings." in text
    assert address not in text
    assert client.get(address).status_code == 404


def test_an_export_that_disagrees_with_the_model_is_not_served(
    client, audit_and_findings, settings
) -> None:
    finding = Finding.objects.get(kind="int8")
    finding.figures["graphs"]["int8"]["same"] = 0.985
    finding.save()
    assert "the same label as the model. It is 98.5%." in page_text(client, "int8")
    assert client.get(graph_address(settings, "8" * 64)).status_code == 404


def test_a_model_never_in_service_is_not_served(client, audit_and_findings, settings) -> None:
    assert client.get(graph_address(settings, audit_and_findings.model.sha256)).status_code == 200
    candidate = ModelVersion.objects.create(number=2, sha256="c" * 64, title="Retrain 1")
    assert client.get(graph_address(settings, candidate.sha256)).status_code == 404
    for sha256 in ("0" * 64, "..", "8"):
        assert client.get(f"/artifacts/{sha256}/model.onnx").status_code == 404
