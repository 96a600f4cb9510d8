"""Fine-tuning the champion, with few small images and the real network."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.model.classifier import Classifier
from modeltrain.training import configs
from modeltrain.training.candidates import train_candidate
from modeltrain.training.errors import TrainingRefused
from tests.modeltrain.conftest import blobs, drawing

QUICK = configs.get(
    "fine-tune",
    [
        *("fine.epochs=2", "fine.batch=4", "fine.learning_rate=0.001"),
        *("impressions_per_class=8", "impression_steps=5"),
    ],
)


@pytest.fixture(scope="module")
def data(published, tmp_path_factory) -> Dataset:
    """Three reported drawings and three anchors, one of each for validation."""
    folder = tmp_path_factory.mktemp("images")
    rows, images = [], {}
    for label, draw in (("drawings", lambda n: drawing(n, 120)), ("neutral", blobs)):
        for number in range(3):
            pixels = draw(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            split = "validation" if number == 2 else "train"
            source = "report" if label == "drawings" else "demo"
            rows.append(Row(sha256, label, {}, split, source, sha256))
    return Dataset(folder, published.labels, tuple(rows), images)


class Killed(BaseException):
    """Simulates kill -9 within one process: nothing runs after it, nothing is cleaned up."""


@pytest.fixture(scope="module")
def run(published, data, tmp_path_factory):
    """A fine-tuning that is killed after its first epoch, and the same one that goes on."""
    folder, steps = tmp_path_factory.mktemp("run"), []

    def train(progress):
        return train_candidate(
            QUICK,
            start=published,
            data=data,
            cache=folder / "cache",
            parent=folder / "artifacts",
            checkpoints=folder / "checkpoints",
            progress=progress,
        ).artifact

    def kill(stage, done, total, message):
        if (stage, done) == ("fine-tuning", 1):
            raise Killed

    with pytest.raises(Killed):
        train(kill)
    assert not (folder / "artifacts").exists()
    candidate = train(lambda stage, done, total, message: steps.append((stage, done)))
    return candidate, steps, folder


def weights(path):
    tensors = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def test_a_killed_fine_tuning_goes_on_after_its_last_epoch(run):
    _, steps, folder = run
    assert [done for stage, done in steps if stage == "fine-tuning"] == [1, 2]
    assert not any((folder / "checkpoints").iterdir())


def test_the_head_and_the_convolutions_from_the_56th_on_are_trained(run, published):
    candidate, _, _ = run
    before, after = weights(published.onnx), weights(candidate.onnx)
    same = [
        n
        for n in range(1, 95)
        if np.array_equal(*(w[f"conv_{n:02d}/kernel"] for w in (before, after)))
    ]
    assert same == list(range(1, 56))
    assert not np.array_equal(before["head/dense_3/kernel"], after["head/dense_3/kernel"])
    assert candidate.config["base_sha256"] != published.config["base_sha256"]


def test_the_candidate_says_how_it_was_made(run, published, data):
    candidate, _, _ = run
    assert (candidate.labels, candidate.config["parent"]) == (published.labels, published.sha256)
    training = candidate.config["training"]
    assert training["images"]["train"] == {"drawings, reported": 2, "neutral, anchor": 2}
    losses = [figures["validation_loss"] for figures in training["history"]]
    assert len(losses) == 3
    assert losses[training["epoch_kept"]] == min(losses)
    assert set(training["impression_agreement"]) == set(published.labels)
    card = (candidate.path / "card.md").read_text()
    assert "| train | drawings, reported | 2 |" in card
    assert f"Kept: epoch {training['epoch_kept']}" in card
    assert json.loads((candidate.path / "labels.json").read_text()) == list(data.labels)


def test_the_graph_answers_as_the_network_did(run, data):
    candidate, _, _ = run
    answer = Classifier(candidate).classify(drawing(0, 120))
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-5)


def test_activations_beyond_the_budget_are_refused_with_their_size(published, data, tmp_path):
    config = configs.get("fine-tune", ["disk_budget=0.001"])
    with pytest.raises(
        TrainingRefused, match=r"Received: 10 images and copies, which take 0\.0044 GB"
    ):
        train_candidate(
            config,
            start=published,
            data=data,
            cache=tmp_path / "cache",
            parent=tmp_path,
            checkpoints=tmp_path / "checkpoints",
        )
    assert not list(tmp_path.iterdir())
