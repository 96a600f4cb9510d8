"""A browser may load models that are or were in service, and exports without objections."""

import hashlib

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from feedback.models import AuditSet, Finding, ModelVersion
from feedback.services import audits, exports
from feedback.services.exports import GraphFile
from modeltrain.images import hashing
from modeltrain.model import artifact


def figures(sha256: str = "8" * 64, **changes) -> dict:
    agreement = {"within": 1.0, "same": 1.0}
    verdict = {"verdict": "pass", "sentence": "Nothing is worse."}
    for name, value in changes.items():
        (agreement if name in agreement else verdict)[name] = value
    return {"sha256": sha256, "graphs": {"int8": agreement}, "gate": verdict}


def stored(graph: bytes) -> artifact.Artifact:
    files = {"model.onnx": graph, "labels.json": b"[]", "config.json": b"{}"}
    return artifact.write(parent=django_settings.ARTIFACTS_DIR, files=files)


@pytest.fixture
def model(champion) -> ModelVersion:
    """The champion, with its files."""
    ModelVersion.objects.filter(pk=champion.pk).update(sha256=stored(b"in 32 bits").sha256)
    champion.refresh_from_db()
    return champion


def exported(model: ModelVersion, graph: bytes, name: str = "demo", **changes) -> Finding:
    audit_set, _ = AuditSet.objects.get_or_create(
        name=name,
        defaults={"manifest_sha256": hashlib.sha256(name.encode()).hexdigest(), "images": 1},
    )
    return Finding.objects.create(
        audit=audits.request(model=model, audit_set=audit_set),
        kind=Finding.Kind.INT8,
        status=Finding.Status.DONE,
        finished_at=timezone.now(),
        figures=figures(stored(graph).sha256, **changes),
    )


@pytest.mark.parametrize(
    ("changes", "objections"),
    [
        ({}, []),
        ({"within": 0.99, "same": 0.99}, []),
        ({"verdict": "insufficient data"}, []),
        ({"verdict": "blocked", "sentence": "Worse."}, ["Worse."]),
        (
            {"within": 0.985},
            [
                "99% of the images must have every score within 0.03 of the model's own. "
                "It is 98.5%."
            ],
        ),
        (
            {"same": 0.9},
            ["99% of the images must have the same label as the model. It is 90.0%."],
        ),
    ],
)
def test_an_export_is_offered_unless_it_is_blocked_or_disagrees(changes, objections):
    assert exports.objections(figures(**changes)) == objections


def test_every_objection_is_listed():
    assert len(exports.objections(figures(verdict="blocked", within=0.5, same=0.5))) == 3


@pytest.mark.parametrize(
    ("status", "public"), [("champion", True), ("retired", True), ("candidate", False)]
)
def test_the_graph_of_a_model_is_public_once_it_was_in_service(model, status, public):
    ModelVersion.objects.filter(pk=model.pk).update(status=status)
    path = exports.graph(model.sha256)
    assert path == (model.folder / "model.onnx" if public else None)


def test_the_graph_of_an_export_is_public_without_objections(model):
    finding = exported(model, b"in 8")
    path = exports.graph(finding.figures["sha256"])
    assert path is not None
    assert path.read_bytes() == b"in 8"
    finding.figures |= figures(finding.figures["sha256"], verdict="blocked")
    finding.save()
    assert exports.graph(finding.figures["sha256"]) is None


@pytest.mark.django_db
def test_nothing_else_is_public(champion):
    for name in ("0" * 64, "..", "", champion.sha256):  # the champion's files are not there
        assert exports.graph(name) is None


def test_graphs_are_listed_with_their_hashes_and_sizes_the_smallest_first(model):
    finding = exported(model, b"in 8")
    small, whole = exports.graphs(model)
    path = model.folder / "model.onnx"
    assert whole == GraphFile("float32", model.sha256, hashing.sha256_file(path), 10)
    assert (small.kind, small.artifact, small.bytes) == ("int8", finding.figures["sha256"], 4)


def test_the_newest_export_counts_and_one_that_failed_does_not(model):
    exported(model, b"first")
    newest = exported(model, b"second", name="another")
    failed = exported(model, b"third", name="third")
    Finding.objects.filter(pk=failed.pk).update(status="failed")
    small, _ = exports.graphs(model)
    assert small.artifact == newest.figures["sha256"]


def test_a_blocked_export_leaves_the_model_itself(model):
    exported(model, b"in 8", verdict="blocked")
    assert [graph.kind for graph in exports.graphs(model)] == ["float32"]


def test_a_candidate_is_not_public_because_another_model_is(model):
    candidate = ModelVersion.objects.create(
        number=2, sha256=stored(b"candidate").sha256, title="Retrain 1"
    )
    assert exports.graph(candidate.sha256) is None
    assert exports.graph(model.sha256)


def test_only_a_finding_about_the_export_makes_it_public(model):
    finding = exported(model, b"in 8")
    Finding.objects.filter(pk=finding.pk).update(kind=Finding.Kind.SLICES)
    assert exports.graph(finding.figures["sha256"]) is None
    Finding.objects.filter(pk=finding.pk).update(figures=[])  # no slice was found
    assert [graph.kind for graph in exports.graphs(model)] == ["float32"]


def test_a_model_has_its_own_exports_alone(model):
    candidate = ModelVersion.objects.create(
        number=2, sha256=stored(b"candidate").sha256, title="Retrain 1"
    )
    exported(candidate, b"in 8")
    assert [graph.kind for graph in exports.graphs(model)] == ["float32"]


# Two mutants of `exports` that survive change nothing: `graph` and `graphs` without `or {}`. An
# export that is found by its hash, or is done, has figures.
