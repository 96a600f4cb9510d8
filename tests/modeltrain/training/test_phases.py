"""A phase stops when validation stops improving, keeps the best epoch and survives a kill."""

import resource
import signal
import sys

import keras
import numpy as np
import pytest

from modeltrain.training import checkpoint, phases
from modeltrain.training.configs.article import Phase
from modeltrain.training.phases import Batches

TRUE = np.array([[2.0, -1.0], [-1.0, 2.0], [0.5, 0.5]])
ROWS = np.random.default_rng(1).normal(size=(60, 3)).astype(np.float32)
CLASSES = (ROWS @ TRUE).argmax(axis=1)


class Points:
    """Points that two lines separate, some of them for validation if `validate` is true."""

    def __init__(self, *, validate: bool = True, noise: bool = False) -> None:
        self.validate = validate
        self.classes = np.random.default_rng(2).permutation(CLASSES) if noise else CLASSES

    def epoch(self, number):
        order = np.random.default_rng(number).permutation(40)
        ones = np.ones(60, dtype=np.float32)
        return Batches(ROWS.__getitem__, self.classes, ones, order=order, batch=8)

    def validation(self):
        if not self.validate:
            return None
        ones = np.ones(60, dtype=np.float32)
        return Batches(ROWS.__getitem__, CLASSES, ones, order=np.arange(40, 60), batch=8)


def make_model():
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.3, seed=3),
            keras.layers.Dense(2, "softmax"),
        ]
    )


LONG = Phase(epochs=6, patience=6, batch=8, learning_rate=0.02, decay=0.9)


def train(path, *, data=None, phase=LONG, progress=None):
    network = make_model()
    options = {"progress": progress} if progress else {}
    state = phases.train_phase(
        network, phase, data or Points(), name="phase", checkpoint_path=path, **options
    )
    return state, checkpoint.copy_values(network.trainable_variables)


def same(weights, others):
    return all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed") / "checkpoint.npz"


@pytest.fixture(scope="module")
def undisturbed(checkpoint_path):
    return train(checkpoint_path)


def test_training_lowers_the_loss_and_leaves_the_best_weights_in_the_model(undisturbed):
    state, weights = undisturbed
    losses = [figures["validation_loss"] for figures in state.history]
    assert len(losses) == 7
    assert losses[state.best_epoch] == min(losses) < losses[0]
    assert same(weights, state.best)


def test_the_same_seed_gives_the_same_weights(tmp_path, undisturbed):
    assert same(train(tmp_path / "again.npz")[1], undisturbed[1])


class Killed(BaseException):
    """Simulates kill -9: nothing runs after it."""


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_phase_killed_after_an_epoch_resumes_and_gives_the_same_weights(
    tmp_path, undisturbed, epoch
):
    def kill(stage, done, total, message):
        if done == epoch:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path / "checkpoint.npz", progress=kill)
    epochs = []
    state, weights = train(
        tmp_path / "checkpoint.npz", progress=lambda *step: epochs.append(step[1])
    )
    assert epochs == list(range(epoch, 7))
    assert same(weights, undisturbed[1])
    assert state.history == undisturbed[0].history


def test_a_finished_phase_is_not_repeated(checkpoint_path, undisturbed):
    steps = []
    _, again = train(checkpoint_path, progress=lambda *step: steps.append(step[1:]))
    assert steps == [(6, 6, "phase: already done")]
    assert same(again, undisturbed[1])


@pytest.mark.parametrize("length", [0, 10, -100])
def test_a_damaged_checkpoint_is_ignored(tmp_path, checkpoint_path, undisturbed, length):
    (tmp_path / "checkpoint.npz").write_bytes(checkpoint_path.read_bytes()[:length])
    assert checkpoint.read(tmp_path / "checkpoint.npz", undisturbed[0].variables) is None


def test_a_checkpoint_of_another_network_is_ignored(tmp_path, undisturbed):
    path = tmp_path / "checkpoint.npz"
    checkpoint.write(path, checkpoint.State(epoch=6, variables=[np.zeros(2)], finished=True))
    assert same(train(path)[1], undisturbed[1])


def test_a_full_disk_stops_the_phase_and_leaves_the_last_complete_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be cut off
    path = tmp_path / "checkpoint.npz"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(stage, done, total, message):
        if done == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))

    try:
        with pytest.raises(OSError, match="too large"):
            train(path, progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]
    epochs = []
    train(path, progress=lambda *step: epochs.append(step[1]))
    assert epochs == [2, 3, 4, 5, 6]


def test_training_stops_when_the_validation_loss_stops_improving(tmp_path):
    phase = Phase(epochs=30, patience=2, batch=8, learning_rate=0.05)
    state, weights = train(tmp_path / "checkpoint.npz", data=Points(noise=True), phase=phase)
    assert state.epoch == state.best_epoch + 2 < 30
    assert same(weights, state.best)


def test_without_validation_images_the_last_epoch_is_kept(tmp_path):
    state, _ = train(tmp_path / "checkpoint.npz", data=Points(validate=False))
    assert state.best_epoch == 6
    assert "validation_loss" not in state.history[6]


def test_the_learning_rate_decays_epoch_by_epoch(tmp_path):
    network = make_model()
    phases.train_phase(
        network, LONG, Points(), name="phase", checkpoint_path=tmp_path / "checkpoint.npz"
    )
    rate = float(network.optimizer.learning_rate)
    assert rate == pytest.approx(0.02 * 0.9**6, rel=1e-5)


def test_balanced_classes_have_the_same_total_weight():
    classes = np.array([0, 0, 0, 2])
    weights = phases.class_weights(classes, count=3, balance=True)
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.mean() == pytest.approx(1)


def test_unbalanced_images_have_the_same_weight():
    weights = phases.class_weights(np.array([0, 0, 1]), count=2, balance=False)
    np.testing.assert_array_equal(weights, [1, 1, 1])


class Greedy(Points):
    """Needs more memory than there is."""

    def epoch(self, number):
        def read(indices):
            raise MemoryError("no room for 10 TB")

        ones = np.ones(60, dtype=np.float32)
        return Batches(read, CLASSES, ones, order=np.arange(40), batch=8)


def test_a_batch_that_does_not_fit_into_memory_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(phases.OutOfMemory, match=r"no room for 10 TB.*Lower the phase's batch"):
        train(tmp_path / "checkpoint.npz", data=Greedy())
