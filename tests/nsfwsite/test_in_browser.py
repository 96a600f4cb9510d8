"""What the site hands to browsers that answer by themselves."""

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
from nsfwsite import isolation


def described(client) -> dict:
    return client.get(reverse("in-browser")).json()


def stored_artifact(graph: bytes) -> artifact.Artifact:
    files = {"model.onnx": graph, "labels.json": b"[]", "config.json": b"{}"}
    return artifact.write(parent=django_settings.ARTIFACTS_DIR, files=files)


@pytest.fixture
def champion(db):
    """Files of its own, and an export that agrees with it."""
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


def test_a_browser_is_told_of_both_graphs_the_small_one_first(client, champion) -> None:
    told = described(client)

    assert [graph["kind"] for graph in told["graphs"]] == ["int8", "float32"]
    small, whole = told["graphs"]
    assert (small["bytes"], whole["bytes"]) == (4, 10)
    assert whole["url"] == reverse("graph", args=[champion.sha256])
    answer = client.get(small["url"])
    assert b"".join(answer.streaming_content) == b"in 8"
    kept = artifact.hashes(champion.folder)["model.onnx"]
    assert whole["sha256"] == kept == hashing.sha256_file(champion.folder / "model.onnx")
    assert told["model"] == {"version": "v1", "sha256": champion.sha256}
    assert [label["name"] for label in told["labels"]] == list(LABELS)


def test_an_export_that_is_blocked_is_not_offered(client, champion) -> None:
    found = Finding.objects.get()
    found.figures["gate"] = {"verdict": "blocked", "sentence": "Worse for somebody."}
    found.save()

    assert [graph["kind"] for graph in described(client)["graphs"]] == ["float32"]


@pytest.mark.django_db
def test_without_a_model_nothing_is_offered(client) -> None:
    told = described(client)
    assert (told["model"], told["graphs"]) == (None, [])


def test_pages_are_isolated_and_only_the_demo_may_ask_for_the_camera(client, champion) -> None:
    home, models = client.get(reverse("home")), client.get(reverse("models"))
    for page in (home, models):
        assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert page.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "camera=(self)" in home.headers["Permissions-Policy"]
    assert "camera=()" in models.headers["Permissions-Policy"]


def test_a_worker_may_compile_and_reach_this_site_and_no_more() -> None:
    headers: dict[str, str] = {}
    isolation.static_headers(headers, "static/classifier-worker.1.js", "")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "connect-src": "'self'",
    }


def test_offline_only_the_demo_and_its_files_are_kept(client, champion) -> None:
    text = client.get(reverse("service-worker")).content.decode()

    kept = json.loads(text.split("const FILES = ")[1].split("];")[0].rstrip().rstrip(",") + "]")
    assert all(file.startswith("/static/") for file in kept)
    assert f'const PAGE = "{reverse("home")}"' in text
