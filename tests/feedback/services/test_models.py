"""A model that was in service can be put back, by name and for a reason."""

import datetime
import json
import os
import shutil

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from onnx import TensorProto, helper, numpy_helper

from feedback.errors import ArtifactMissing, Invalid, WrongState
from feedback.models import LedgerEntry, ModelVersion
from feedback.services import models
from modeltrain.labels import LABELS
from modeltrain.model import artifact
from modeltrain.model.artifact import MANIFEST


@pytest.fixture
def newer(real_champion) -> ModelVersion:
    """A second model has taken the published one's place."""
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    models.put_in_service(candidate)
    real_champion.refresh_from_db()
    return candidate


def test_a_maintainer_puts_the_former_model_back(client, newer, real_champion, mona) -> None:
    client.force_login(mona)
    assert "Put v1 back in service" in client.get("/models/v1/").content.decode()
    answer = client.post(
        reverse("roll-back", args=["v1"]), {"reason": "v2 flags photographs."}, follow=True
    )
    assert "v1 is in service again." in answer.content.decode()
    assert ModelVersion.objects.champion() == real_champion
    entry = LedgerEntry.objects.latest("number")
    assert entry.kind == "rollback"
    assert entry.facts["reason"] == "v2 flags photographs."
    assert entry.facts["by"] == "mona"


def test_the_retrains_page_leads_back_to_the_model_before(client, newer, real_champion, mona):
    client.force_login(mona)
    page = client.get(reverse("retrains")).content.decode()
    assert f'action="{reverse("roll-back", args=["v1"])}"' in page
    models.roll_back(model=real_champion, by=mona, reason="v2 flags photographs.")
    assert "Put v2 back in service" in client.get(reverse("retrains")).content.decode()


def test_others_may_not(client, newer, ravi) -> None:
    client.force_login(ravi)
    assert "back in service" not in client.get("/models/v1/").content.decode()
    assert client.post(reverse("roll-back", args=["v1"]), {"reason": "x"}).status_code == 404
    assert ModelVersion.objects.champion() == newer


def test_it_needs_a_reason(newer, real_champion, mona) -> None:
    with pytest.raises(Invalid, match="reason"):
        models.roll_back(model=real_champion, by=mona, reason=" ")


def test_only_a_retired_model_comes_back(newer, real_champion, mona) -> None:
    candidate = ModelVersion.objects.create(number=3, sha256="c" * 64, title="Retrain 2")
    for model in (newer, candidate):
        with pytest.raises(WrongState):
            models.roll_back(model=model, by=mona, reason="No.")


def test_a_model_whose_files_are_gone_stays_out(newer, mona) -> None:
    gone = ModelVersion.objects.create(
        number=3, sha256="c" * 64, title="Gone", status="retired", promoted_at=timezone.now()
    )
    with pytest.raises(ArtifactMissing):
        models.roll_back(model=gone, by=mona, reason="No.")
    assert ModelVersion.objects.champion() == newer


def test_a_new_artifact_is_a_candidate_with_the_next_number(champion) -> None:
    ModelVersion.objects.filter(pk=champion.pk).update(number=7)
    model = models.register(sha256="d" * 64, title="Retrain 9", parent=champion)
    model.refresh_from_db()
    assert (model.number, model.sha256, model.title) == (8, "d" * 64, "Retrain 9")
    assert (model.status, model.parent, model.promoted_at) == ("candidate", champion, None)


def test_the_first_artifact_has_number_one(db) -> None:
    assert models.register(sha256="d" * 64, title="First", parent=None).number == 1


def test_an_artifact_is_registered_once(champion) -> None:
    first = models.register(sha256="d" * 64, title="Retrain 9", parent=champion)
    assert models.register(sha256="d" * 64, title="Retrain 10", parent=None) == first
    assert models.register(sha256=champion.sha256, title="Again", parent=first) == champion
    assert ModelVersion.objects.count() == 2


def test_one_model_goes_into_service_and_one_retires(champion, mona) -> None:
    old = ModelVersion.objects.create(
        number=5, sha256="5" * 64, title="old", status="retired", promoted_at=timezone.now()
    )
    bystander = ModelVersion.objects.create(number=6, sha256="6" * 64, title="bystander")
    before = champion.promoted_at
    candidate = ModelVersion.objects.create(number=7, sha256="7" * 64, title="candidate")
    models.put_in_service(candidate, by=mona, reason="Better.")
    assert dict(ModelVersion.objects.values_list("number", "status")) == {
        1: "retired",
        5: "retired",
        6: "candidate",
        7: "champion",
    }
    candidate.refresh_from_db()
    champion.refresh_from_db()
    assert abs(timezone.now() - candidate.promoted_at) < datetime.timedelta(minutes=1)
    assert champion.promoted_at == before
    for model in (old, bystander):
        unchanged = model.promoted_at
        model.refresh_from_db()
        assert model.promoted_at == unchanged
    assert LedgerEntry.objects.latest("number").facts == {
        "model": "v7",
        "artifact_sha256": "7" * 64,
        "after": "v1",
        "by": "mona",
        "reason": "Better.",
    }


def test_the_champion_stays_in_service_when_it_is_put_there_again(champion) -> None:
    models.put_in_service(champion)
    assert ModelVersion.objects.champion() == champion


def test_the_reason_of_a_rollback_has_at_most_2000_characters(newer, real_champion, mona) -> None:
    with pytest.raises(Invalid, match="A reason is said in"):
        models.roll_back(model=real_champion, by=mona, reason="x" * 2001)
    assert ModelVersion.objects.champion() == newer


def test_a_model_is_loaded_from_its_own_files_and_stays_in_memory(real_champion) -> None:
    classifier = models.classifier_of(real_champion)
    assert models.classifier_of(real_champion) is classifier
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    assert set(classifier.classify(pixels).scores) == set(LABELS)


def test_a_model_that_another_request_changed_meanwhile_stays_where_it_is(
    newer, real_champion, mona
) -> None:
    seen_before = ModelVersion.objects.get(pk=real_champion.pk)
    models.roll_back(model=real_champion, by=mona, reason="v2 flags photographs.")
    before = LedgerEntry.objects.count()
    with pytest.raises(WrongState, match="one at a time"):
        models.roll_back(model=seen_before, by=mona, reason="v2 flags photographs.")
    assert ModelVersion.objects.champion() == real_champion
    assert LedgerEntry.objects.count() == before


def small_network() -> bytes:
    """A graph that answers like a model's: by the mean colour of an image."""
    weights = np.random.default_rng(0).normal(size=(3, len(LABELS))).astype(np.float32)
    axes = np.array([0, 1], dtype=np.int64)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["levels", "axes"], ["features"], keepdims=0),
            helper.make_node("MatMul", ["features", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["height", "width", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [len(LABELS)]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [3]),
        ],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(axes, "axes")],
    )
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def own_champion(champion, settings) -> ModelVersion:
    """A small model in service, with files that a test may damage."""
    files = {
        "model.onnx": small_network(),
        "labels.json": json.dumps(LABELS).encode(),
        "config.json": b'{"name": "the first"}',
    }
    champion.sha256 = artifact.write(parent=settings.ARTIFACTS_DIR, files=files).sha256
    champion.save()
    models._classifier.cache_clear()
    return champion


@pytest.fixture
def successor(own_champion) -> ModelVersion:
    """A newer model in service, with files of its own that load; the first one is retired."""
    files = {path.name: path for path in own_champion.folder.iterdir() if path.name != MANIFEST}
    files["config.json"] = b'{"name": "a retrain"}'
    written = artifact.write(parent=own_champion.folder.parent, files=files)
    newer = ModelVersion.objects.create(number=2, sha256=written.sha256, title="Retrain 1")
    models.put_in_service(newer)
    own_champion.refresh_from_db()
    return newer


def damage(model: ModelVersion, offset: int) -> None:
    path = model.folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[offset % len(content)] ^= 1
    path.write_bytes(content)


def test_the_model_in_service_answers(successor) -> None:
    model, classifier = models.classifier_in_service()
    assert model == successor
    assert classifier.artifact.sha256 == successor.sha256


def test_while_the_champion_is_damaged_the_model_before_it_answers(successor, own_champion) -> None:
    damage(successor, 1000)
    assert models.classifier_in_service()[0] == own_champion
    successor.refresh_from_db()
    assert successor.damage.startswith("model.onnx: ")
    assert ModelVersion.objects.champion() == successor


def test_damage_is_found_while_the_model_is_still_in_memory(successor, own_champion) -> None:
    models.classifier_in_service()
    damage(successor, 1000)
    assert models.check_service()
    assert models.classifier_in_service()[0] == own_champion


def test_files_that_look_unchanged_are_read_again_later(successor, own_champion, monkeypatch):
    models.check_service()
    path = successor.folder / "model.onnx"
    before = path.stat()
    damage(successor, 1000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if a bit flipped on the disk
    models.check_service()
    assert models.classifier_in_service()[0] == successor
    monkeypatch.setattr(models, "HASHED_SECONDS", 0)
    models.check_service()
    assert models.classifier_in_service()[0] == own_champion


def test_a_model_that_is_restored_answers_again(successor) -> None:
    damage(successor, 1000)
    models.check_service()
    damage(successor, 1000)  # the same bit: as it was
    models.check_service()
    successor.refresh_from_db()
    assert successor.damage == ""
    assert models.classifier_in_service()[0] == successor


def test_without_a_model_that_loads_nothing_answers(own_champion) -> None:
    shutil.rmtree(own_champion.folder)
    assert not models.check_service()
    with pytest.raises(ModelVersion.DoesNotExist):
        models.classifier_in_service()


def test_a_site_without_a_model_has_nothing_to_check(db) -> None:
    assert not models.check_service()


def test_a_candidate_never_answers(own_champion) -> None:
    ModelVersion.objects.create(number=2, sha256="2" * 64, title="candidate")
    damage(own_champion, 1000)
    assert not models.check_service()


@pytest.mark.parametrize("part", range(10))
def test_a_model_with_a_changed_byte_is_never_put_in_service(successor, own_champion, mona, part):
    size = (own_champion.folder / "model.onnx").stat().st_size
    damage(own_champion, size * part // 10)
    with pytest.raises(ArtifactMissing, match="unchanged since it was audited"):
        models.roll_back(model=own_champion, by=mona, reason="v2 flags photographs.")
    assert ModelVersion.objects.champion() == successor


def test_a_page_says_which_model_answers_while_the_champion_is_damaged(successor, client) -> None:
    damage(successor, 1000)
    models.check_service()
    for address in ("/", "/models/v2/"):
        page = " ".join(client.get(address).content.decode().split())
        assert "The files of v2 are damaged" in page
        assert "v1 answers" in page
