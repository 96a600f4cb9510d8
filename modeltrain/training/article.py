"""The article's recipe: phase 1 trains a new head, phase 2 unlocks the base near its top.

Frozen layers run once for each image and changed copy; what comes out of them is kept. Phase 2
learns from what is kept where the disk budget allows, else from pixels.

Source: the two-phase recipe of Keras's "Transfer learning & fine-tuning" guide, with the head and
the 56th convolution of the published model's training.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.data import manifest
from modeltrain.data.dataset import Dataset
from modeltrain.data.manifest import Row
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.model.card import recipe_card
from modeltrain.model.features import load_pixels
from modeltrain.network import devices, export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import augment, checkpoint, frozen, phases
from modeltrain.training.augment import Variants
from modeltrain.training.checkpoint import State
from modeltrain.training.configs.article import ArticleConfig
from modeltrain.training.frozen import MIXED_5, POOLED, Frozen
from modeltrain.training.phases import Batches

FIRST_ABOVE_MIXED_5 = 51
HEAD, FINE = "phase 1", "phase 2"


class TrainingRefused(ValueError):
    """A dataset that nothing can be learned from."""


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes
    ----------
    artifact : Artifact
    problems : list of str
        What the dataset lacked, for people; training went on without it.
    """

    artifact: Artifact
    problems: list[str]


@dataclass
class Images:
    """Images to learn from and to check on, with what both phases need to know of them."""

    data: Dataset
    config: ArticleConfig
    learn: list[Row] = field(init=False)
    check: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.learn, self.check = self.data.split("train"), self.data.split("validation")

    def classes(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """Return each row's place in the labels: [n]."""
        return np.array([self.data.labels.index(row.label) for row in rows], dtype=np.int64)

    def order(self, epoch: int) -> NDArray[Any]:
        """Return the order of an epoch; the same for the same seed and epoch."""
        return np.random.default_rng([self.config.seed, epoch]).permutation(len(self.learn))

    def weights(self) -> NDArray[np.float32]:
        """Return how much each row to learn from counts: [n]."""
        return phases.class_weights(
            self.classes(self.learn), count=len(self.data.labels), balance=self.config.balance
        )


def train(
    config: ArticleConfig,
    *,
    start: Artifact,
    data: Dataset,
    cache: Path,
    parent: Path,
    progress: ProgressCallback = quiet,
) -> Trained:
    """Train a model on a dataset and write it as an artifact.

    The same dataset, config and start give the same artifact on the same machine. Killed at any
    moment and started again with the same arguments, it goes on after the last whole epoch.

    Parameters
    ----------
    config : ArticleConfig
    start : Artifact
        Whose base is trained further. Its labels need not be the dataset's: the head is new.
    data : Dataset
        Split `train` is learned from, `validation` decides which epoch is kept.
    cache : pathlib.Path
        Of activations, and of unfinished trainings under `runs`.
    parent : pathlib.Path
        Folder of artifacts.
    progress : callable
        Told of each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When a class has no image to learn from.
    ImageMissing
        When an image is not there, cannot be read, or is another one.
    OutOfMemory
    """
    images = Images(data, config)
    _check_classes(images)
    devices.prepare(config.seed)
    run = cache / "runs" / _run_name(config, start, data)
    variants = Variants(config.augmentation, size=inception.SIZE)

    with devices.together():
        first = _Kept(images, Frozen(start, POOLED), cache, variants, config.head.batch, progress)
        head = inception.head(classes=len(data.labels), seed=config.seed)
        done = {
            HEAD: phases.learn(
                head,
                config.head,
                first,
                name=HEAD,
                kept_in=run / "phase-1.npz",
                progress=progress,
            )
        }
        source = inception.whole(classes=len(start.labels))
        source.load_weights(start.keras)
        model = inception.with_head(source, head)
        if config.fine.epochs:
            inception.unlock(model, first=config.unlock_from)
            second, learning = _second(model, images, start, cache, variants, progress)
            done[FINE] = phases.learn(
                learning,
                config.fine,
                second,
                name=FINE,
                kept_in=run / "phase-2.npz",
                progress=progress,
            )
    written = _write(model, config, start=start, images=images, done=done, parent=parent)
    progress("exporting", 1, 1, f"Wrote {written.version}")
    shutil.rmtree(run, ignore_errors=True)
    return Trained(written, _problems(images))


def from_pixels(model: keras.Model, config: ArticleConfig) -> keras.Model:
    """Put the changes and the scaling before a network: float32 [batch, 299, 299, 3] of 0 to 255.

    All of it runs on the accelerator; at evaluation nothing is changed.
    """
    image = keras.Input((inception.SIZE, inception.SIZE, 3), name="pixels")
    changed = augment.network(config.augmentation, size=inception.SIZE, seed=config.seed)(image)
    return keras.Model(image, model(keras.layers.Rescaling(1 / 255)(changed)))


class _Kept:
    """Data of a phase that learns from what frozen layers made of images and their copies."""

    def __init__(
        self,
        images: Images,
        layers: Frozen,
        cache: Path,
        variants: Variants,
        batch: int,
        progress: ProgressCallback,
    ) -> None:
        def keep(rows: Sequence[Row], number: int) -> list[Path]:
            return frozen.keep(
                layers,
                rows,
                images.data.images,
                cache,
                variants=variants,
                number=number,
                progress=progress,
            )

        self._images, self._cut, self._batch = images, layers.cut, batch
        self._in_memory = layers.cut == POOLED  # 8 kB an image
        copies = range(images.config.copies + 1)
        self._learn = [self._reader(keep(images.learn, number)) for number in copies]
        self._check = self._reader(keep(images.check, 0))

    def _reader(self, paths: list[Path]) -> Any:
        if self._in_memory:
            everything = frozen.load(paths, POOLED)
            return lambda taken: everything[taken]
        return lambda taken: frozen.load([paths[each] for each in taken], self._cut)

    def epoch(self, number: int) -> Batches:
        read = self._learn[number % len(self._learn)]
        return _learning(self._images, read, number, batch=self._batch, in_memory=self._in_memory)

    def validation(self) -> Batches | None:
        return _checking(self._images, self._check, batch=self._batch, in_memory=self._in_memory)


class _Pixels:
    """Data of a phase that learns from pixels; images are read and resized by threads, ahead."""

    def __init__(self, images: Images, batch: int) -> None:
        self._images, self._batch = images, batch

    def _reader(self, rows: Sequence[Row]) -> Any:
        paths = self._images.data.images

        def read(taken: NDArray[Any]) -> NDArray[Any]:
            pixels = [load_pixels(rows[each].sha256, paths) for each in taken]
            return np.stack([augment.fit(each, inception.SIZE) for each in pixels])

        return read

    def epoch(self, number: int) -> Batches:
        return _learning(self._images, self._reader(self._images.learn), number, batch=self._batch)

    def validation(self) -> Batches | None:
        return _checking(self._images, self._reader(self._images.check), batch=self._batch)


def _learning(
    images: Images, read: Any, epoch: int, *, batch: int, in_memory: bool = False
) -> Batches:
    return Batches(
        read,
        images.classes(images.learn),
        images.weights(),
        order=images.order(epoch),
        batch=batch,
        in_memory=in_memory,
    )


def _checking(images: Images, read: Any, *, batch: int, in_memory: bool = False) -> Batches | None:
    if not images.check:
        return None
    count = len(images.check)
    weights = np.ones(count, dtype=np.float32)
    classes, order = images.classes(images.check), np.arange(count)
    return Batches(read, classes, weights, order=order, batch=batch, in_memory=in_memory)


def _second(
    model: keras.Model,
    images: Images,
    start: Artifact,
    cache: Path,
    variants: Variants,
    progress: ProgressCallback,
) -> tuple[Any, keras.Model]:
    """Return phase 2's data and the network that takes it, sharing the model's weights."""
    config = images.config
    needed = frozen.bytes_each(MIXED_5) * (
        len(images.learn) * (config.copies + 1) + len(images.check)
    )
    if config.unlock_from < FIRST_ABOVE_MIXED_5 or needed > config.disk_budget * 1e9:
        return _Pixels(images, config.fine.batch), from_pixels(model, config)
    layers = Frozen(start, MIXED_5)
    kept = _Kept(images, layers, cache, variants, config.fine.batch, progress)
    return kept, inception.above(model, MIXED_5)


def _check_classes(images: Images) -> None:
    empty = [label for label in images.data.labels if label not in {r.label for r in images.learn}]
    if empty:
        raise TrainingRefused(
            "Every class must have an image to learn from. Received: "
            f"{len(images.learn)} images of split train, none of {', '.join(empty)}. Add some, or "
            "make a dataset without the class."
        )


def _problems(images: Images) -> list[str]:
    learned = Counter(row.label for row in images.learn)
    checked = Counter(row.label for row in images.check)
    labels = images.data.labels
    said = [f"{label} has one image to learn from." for label in labels if learned[label] == 1]
    if not images.check:
        return [*said, "There is no validation image: the last epoch was kept."]
    return said + [
        f"{label} has no validation image: nothing is known of it."
        for label in labels
        if not checked[label]
    ]


def _run_name(config: ArticleConfig, start: Artifact, data: Dataset) -> str:
    """Name a training by everything that decides how it goes."""
    decides = [
        asdict(config),
        start.sha256,
        list(data.labels),
        manifest.sha256(data.rows, labels=data.labels),
        devices.describe(),
    ]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _write(
    model: keras.Model,
    config: ArticleConfig,
    *,
    start: Artifact,
    images: Images,
    done: Mapping[str, State],
    parent: Path,
) -> Artifact:
    model = _plain(model, classes=len(images.data.labels))
    onnx_bytes = export.to_onnx(model)
    made = {
        "name": config.name,
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": start.sha256,
        "source": start.config["source"],
        "training": {
            "config": asdict(config),
            "manifest_sha256": manifest.sha256(images.data.rows, labels=images.data.labels),
            "images": {
                split: dict(sorted(Counter(row.label for row in rows).items()))
                for split, rows in (("train", images.learn), ("validation", images.check))
            },
            "phases": {
                name: {"epoch_kept": state.kept, "history": state.history}
                for name, state in done.items()
            },
            "problems": _problems(images),
            "device": devices.describe(),
        },
    }
    return artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "model.keras": export.to_keras(model),
            "labels.json": json.dumps(list(images.data.labels)).encode(),
            "config.json": json.dumps(made, indent=2, sort_keys=True).encode(),
            "card.md": recipe_card(made).encode(),
        },
    )


def _plain(model: keras.Model, *, classes: int) -> keras.Model:
    """Return the same weights in a network in float32 that knows no optimiser, as they are kept."""
    keras.config.set_dtype_policy("float32")
    plain = inception.whole(classes=classes)
    checkpoint.assign(plain.variables, checkpoint.values(model.variables))
    return plain
