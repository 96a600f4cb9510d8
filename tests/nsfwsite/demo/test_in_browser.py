"""What the site serves to browsers that run the model themselves."""

import json

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone

from feedback.models import AuditSet, Finding, ModelVersion
from feedback.services import audits
from modeltrain.images import hashing
from modeltrain.labels import LABELS
from modeltrain.model import artifact
from nsfwsite import cross_origin_isolation


def description(client) -> dict:
    return client.get(reverse("in-browser")).json()


def stored_artifact(graph: bytes) -> artifact.Artifact:
    files = {"model.onnx": graph, "labels.json": b"[]", "config.json": b"{}"}
    return artifact.write(parent=django_settings.ARTIFACTS_DIR, files=files)


@pytest.fixture
def champion(db):
    """A champion with files of its own and an export that agrees with it."""
    model = ModelVersion.objects.create(
        number=1,
        sha256=stored_artifact(b"in 32 bits").sha256,
        title="The published model",
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
    )
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=1, card="C")
    Finding.objects.create(
        audit=audits.request(model=model, audit_set=audit_set),
        kind=Finding.Kind.INT8,
        status=Finding.Status.DONE,
        finished_at=timezone.now(),
        figures={
            "sha256": stored_artifact(b"in 8").sha256,
            "graphs": {"int8": {"within": 1.0, "same": 1.0}},
            "gate": {"verdict": "pass", "sentence": "Nothing is worse."},
        },
    )
    return model


def test_a_browser_learns_of_both_graphs_the_smaller_first(client, champion) -> None:
    body = description(client)

    assert [graph["kind"] for graph in body["graphs"]] == ["int8", "float32"]
    small, whole = body["graphs"]
    assert (small["bytes"], whole["bytes"]) == (4, 10)
    assert whole["url"] == reverse("graph", args=[champion.sha256])
    response = client.get(small["url"])
    assert b"".join(response.streaming_content) == b"in 8"
    listed = artifact.file_hashes(champion.folder)["model.onnx"]
    assert whole["sha256"] == listed == hashing.sha256_file(champion.folder / "model.onnx")
    assert body["model"] == {"version": "v1", "sha256": champion.sha256}
    assert [label["name"] for label in body["labels"]] == list(LABELS)


def test_a_blocked_export_is_not_offered(client, champion) -> None:
    finding = Finding.objects.get()
    finding.figures["gate"] = {"verdict": "blocked", "sentence": "Worse for somebody."}
    finding.save()

    assert [graph["kind"] for graph in description(client)["graphs"]] == ["float32"]


def test_while_the_champion_is_damaged_the_model_before_it_is_offered(client, champion) -> None:
    ModelVersion.objects.update(status=ModelVersion.Status.RETIRED)
    newer = ModelVersion.objects.create(
        number=2,
        sha256=stored_artifact(b"newer").sha256,
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
    )
    assert description(client)["model"]["version"] == newer.version
    ModelVersion.objects.filter(pk=newer.pk).update(damage="model.onnx: damaged")
    assert description(client)["model"]["version"] == champion.version


@pytest.mark.django_db
def test_without_a_model_nothing_is_offered(client) -> None:
    body = description(client)
    assert (body["model"], body["graphs"]) == (None, [])


def test_pages_are_isolated_and_only_the_demo_may_ask_for_the_camera(client, champion) -> None:
    home, models = client.get(reverse("home")), client.get(reverse("models"))
    for page in (home, models):
        assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert page.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "camera=(self)" in home.headers["Permissions-Policy"]
    assert "camera=()" in models.headers["Permissions-Policy"]


def test_a_web_worker_may_compile_and_reach_this_site_alone() -> None:
    headers: dict[str, str] = {}
    cross_origin_isolation.static_headers(headers, "static/classifier-worker.1.js", "")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "connect-src": "'self'",
    }


def test_only_the_demo_and_its_files_are_cached_for_offline_use(client, champion) -> None:
    text = client.get(reverse("service-worker")).content.decode()

    files = json.loads(text.split("const FILES = ")[1].split("];")[0].rstrip().rstrip(",") + "]")
    assert all(file.startswith("/static/") for file in files)
    assert f'const PAGE = "{reverse("home")}"' in text
