import json
from types import SimpleNamespace

import pytest

from feedback.models import ModelVersion, SampleAnswer
from feedback.services import models, samples
from tests.conftest import png


@pytest.fixture
def listed(settings):
    """A drawing of a fox that is there, and a ghost that is not."""
    folder = settings.DEMO_DIR / "samples"
    folder.mkdir(parents=True)
    fox = {
        "file": "fox.png",
        "title": "A fox",
        "sha256": "f" * 64,
        "label": "drawings",
        "kind": "drawing",
    }
    (folder / "samples.json").write_text(
        json.dumps([fox, {"file": "gone.png", "title": "A ghost"}])
    )
    (folder / "fox.png").write_bytes(png(1))
    return folder


def test_samples_are_those_that_are_listed_and_there(listed) -> None:
    (fox,) = samples.all_samples()
    assert (fox.name, fox.title, fox.label, fox.kind) == ("fox.png", "A fox", "drawings", "drawing")
    assert fox.upload().read() == (listed / "fox.png").read_bytes()
    assert samples.find("fox.png") == fox
    for name in ("gone.png", "samples.json", "../samples/fox.png"):
        assert samples.find(name) is None


def test_without_demo_data_there_are_no_samples(settings) -> None:
    assert samples.all_samples() == []


def test_each_sample_is_answered_once_by_each_model_in_service(
    listed, champion, monkeypatch
) -> None:
    shapes = []

    def classify(pixels):
        shapes.append(pixels.shape)
        return SimpleNamespace(label="neutral", scores={"neutral": 1.0})

    monkeypatch.setattr(models, "classifier_of", lambda model: SimpleNamespace(classify=classify))
    samples.answer_new()
    samples.answer_new()
    assert len(shapes) == 1
    assert samples.answers_of(champion)["f" * 64].label == "neutral"

    ModelVersion.objects.update(status=ModelVersion.Status.RETIRED)
    newer = ModelVersion.objects.create(
        number=2, sha256="b" * 64, status="champion", promoted_at=champion.promoted_at
    )
    samples.answer_new()
    assert len(shapes) == 2
    assert samples.answers_of(newer).keys() == {"f" * 64}


def test_a_sample_listed_without_its_hash_is_shown_without_an_answer(
    listed, champion, monkeypatch
) -> None:
    monkeypatch.setattr(models, "classifier_of", lambda model: None)
    (listed / "samples.json").write_text(json.dumps([{"file": "fox.png", "title": "A fox"}]))
    samples.answer_new()
    assert [sample.title for sample in samples.all_samples()] == ["A fox"]
    assert not SampleAnswer.objects.exists()
