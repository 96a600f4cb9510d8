"""A phase of training: stops when validation says so, keeps the best, survives being killed."""

import resource
import signal

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
    """Points that two lines tell apart, and none or some of them to check on."""

    def __init__(self, *, check: bool = True, noise: bool = False) -> None:
        self.check = check
        classes = CLASSES if not noise else np.random.default_rng(2).permutation(CLASSES)
        self.classes = classes

    def epoch(self, number):
        order = np.random.default_rng(number).permutation(40)
        ones = np.ones(60, dtype=np.float32)
        return Batches(ROWS.__getitem__, self.classes, ones, order=order, batch=8)

    def validation(self):
        if not self.check:
            return None
        ones = np.ones(60, dtype=np.float32)
        return Batches(ROWS.__getitem__, CLASSES, ones, order=np.arange(40, 60), batch=8)


def model():
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


def learn(path, *, data=None, phase=LONG, progress=None):
    network = model()
    told = {"progress": progress} if progress else {}
    state = phases.learn(network, phase, data or Points(), name="phase", kept_in=path, **told)
    return state, checkpoint.values(network.trainable_variables)


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed") / "kept.npz"


@pytest.fixture(scope="module")
def undisturbed(kept):
    return learn(kept)


def test_it_learns_and_leaves_the_best_weights_in_the_model(undisturbed):
    state, weights = undisturbed
    losses = [each["validation_loss"] for each in state.history]
    assert len(losses) == 7
    assert losses[state.kept] == min(losses) < losses[0]
    assert same(weights, state.best)


def test_the_same_seed_gives_the_same_weights(tmp_path, undisturbed):
    assert same(learn(tmp_path / "again.npz")[1], undisturbed[1])


class Killed(BaseException):
    """Stands for kill -9: what comes after it does not run."""


@pytest.mark.parametrize("moment", [1, 5])
def test_killed_after_an_epoch_it_goes_on_and_ends_the_same(tmp_path, undisturbed, moment):
    def kill(stage, done, total, message):
        if done == moment:
            raise Killed

    with pytest.raises(Killed):
        learn(tmp_path / "kept.npz", progress=kill)
    done = []
    state, weights = learn(tmp_path / "kept.npz", progress=lambda *told: done.append(told[1]))
    assert done == list(range(moment, 7))
    assert same(weights, undisturbed[1])
    assert state.history == undisturbed[0].history


def test_what_ended_is_not_done_again(kept, undisturbed):
    done = []
    _, again = learn(kept, progress=lambda *told: done.append(told[1:]))
    assert done == [(6, 6, "phase: done before")]
    assert same(again, undisturbed[1])


@pytest.mark.parametrize("left", [0, 10, -100])
def test_a_damaged_checkpoint_is_thrown_away(tmp_path, kept, undisturbed, left):
    (tmp_path / "kept.npz").write_bytes(kept.read_bytes()[:left])
    assert checkpoint.read(tmp_path / "kept.npz", undisturbed[0].variables) is None


def test_a_checkpoint_of_another_network_is_thrown_away(tmp_path, undisturbed):
    path = tmp_path / "kept.npz"
    checkpoint.write(path, checkpoint.State(epoch=6, variables=[np.zeros(2)], finished=True))
    assert same(learn(path)[1], undisturbed[1])


def test_a_full_disk_stops_it_and_leaves_the_last_epoch(tmp_path):
    kept = tmp_path / "kept.npz"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(stage, done, total, message):
        if done == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))

    try:
        with pytest.raises(OSError, match="too large"):
            learn(kept, progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [each.name for each in tmp_path.iterdir()] == ["kept.npz"]
    done = []
    learn(kept, progress=lambda *told: done.append(told[1]))
    assert done == [2, 3, 4, 5, 6]


def test_it_stops_when_validation_no_longer_improves(tmp_path):
    phase = Phase(epochs=30, patience=2, batch=8, learning_rate=0.05)
    state, weights = learn(tmp_path / "kept.npz", data=Points(noise=True), phase=phase)
    assert state.epoch == state.kept + 2 < 30
    assert same(weights, state.best)


def test_without_validation_images_the_last_epoch_is_kept(tmp_path):
    state, _ = learn(tmp_path / "kept.npz", data=Points(check=False))
    assert state.kept == 6
    assert "validation_loss" not in state.history[6]


def test_the_learning_rate_decays_epoch_by_epoch(tmp_path):
    network = model()
    phases.learn(network, LONG, Points(), name="phase", kept_in=tmp_path / "kept.npz")
    rate = float(network.optimizer.learning_rate)
    assert rate == pytest.approx(0.02 * 0.9**6, rel=1e-5)


def test_balanced_every_class_counts_the_same():
    classes = np.array([0, 0, 0, 2])
    weights = phases.class_weights(classes, count=3, balance=True)
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.mean() == pytest.approx(1)


def test_unbalanced_every_image_counts_the_same():
    weights = phases.class_weights(np.array([0, 0, 1]), count=2, balance=False)
    np.testing.assert_array_equal(weights, [1, 1, 1])


class Greedy(Points):
    """Asks for more memory than there is."""

    def epoch(self, number):
        def read(taken):
            raise MemoryError("no room for 10 TB")

        ones = np.ones(60, dtype=np.float32)
        return Batches(read, CLASSES, ones, order=np.arange(40), batch=8)


def test_a_batch_that_does_not_fit_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(phases.OutOfMemory, match=r"no room for 10 TB.*Lower the phase's batch"):
        learn(tmp_path / "kept.npz", data=Greedy())
