"""The article's recipe: phase 1 trains a new head, phase 2 unfreezes the top of the base.

Frozen layers run once for each image and augmented copy, and their activations are cached. Phase 2
trains on cached activations if they fit the disk budget, otherwise on pixels.

Source: the two-phase recipe of Keras's "Transfer learning & fine-tuning" guide, with the head and
the 56th convolution of the published model's training.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from modeltrain.model.card import article_card
from modeltrain.model.features import load_pixels
from modeltrain.network import devices, export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import activation_cache, augment, checkpoint, phases
from modeltrain.training.activation_cache import MIXED_5, POOLED, FrozenLayers
from modeltrain.training.augment import AugmentedCopies
from modeltrain.training.checkpoint import State
from modeltrain.training.configs.article import ArticleConfig
from modeltrain.training.errors import TrainingRefused
from modeltrain.training.phases import Batches

FIRST_ABOVE_MIXED_5 = 51
PHASE_1, PHASE_2 = "phase 1", "phase 2"


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training.

    Attributes
    ----------
    artifact : Artifact
        The trained model.
    problems : list of str
        What the dataset lacked, in sentences for people; training went on without it.
    """

    artifact: Artifact
    problems: list[str]


@dataclass
class TrainingImages:
    """The training and validation images, with what both phases need to know about them."""

    data: Dataset
    config: ArticleConfig
    left_out: Sequence[str]  # classes that have no training image
    train_rows: list[Row] = field(init=False)
    validation_rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.train_rows = self.data.split("train")
        self.validation_rows = self.data.split("validation")

    def classes(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """Return the index of each row's label: [n]."""
        return np.array([self.data.labels.index(row.label) for row in rows], dtype=np.int64)

    def order(self, epoch: int) -> NDArray[Any]:
        """Return the order of the training images in an epoch, determined by the seed: [n]."""
        return np.random.default_rng([self.config.seed, epoch]).permutation(len(self.train_rows))

    def weights(self) -> NDArray[np.float32]:
        """Return the sample weight of each training image: [n]."""
        return phases.class_weights(
            self.classes(self.train_rows), count=len(self.data.labels), balance=self.config.balance
        )


def train(
    config: ArticleConfig,
    *,
    start: Artifact,
    data: Dataset,
    cache: Path,
    parent: Path,
    checkpoints: Path | None = None,
    progress: ProgressCallback = quiet,
) -> TrainingResult:
    """Train a model on a dataset and write it as an artifact.

    The same dataset, config and start give the same artifact on the same machine. A training
    that was killed and is started again with the same arguments resumes after its last complete
    epoch.

    Parameters
    ----------
    config : ArticleConfig
    start : Artifact
        The model whose base is trained further. Its labels may differ from the dataset's, because
        the head is new.
    data : Dataset
        The model is trained on split `train`; split `validation` decides which epoch is kept.
    cache : pathlib.Path
        Folder of activations.
    parent : pathlib.Path
        Folder of artifacts.
    checkpoints : pathlib.Path, optional
        Folder of unfinished trainings; `runs` in the cache if None.
    progress : callable
        Called after each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When fewer than two classes have a training image. A class without one is left out of the
        model, and named in `problems`.
    ImageMissing
        When an image is missing, cannot be read, or is not the one that its hash names.
    OutOfMemory
        When a batch does not fit into memory.
    """
    data, left_out = _learnable(data)
    images = TrainingImages(data, config, left_out)
    devices.prepare(config.seed)
    run_folder = (checkpoints or cache / "runs") / checkpoint.folder_name(
        config, start, labels=data.labels, rows=data.rows
    )
    augmented_copies = AugmentedCopies(config.augmentation, size=inception.SIZE)

    with devices.data_parallel_scope():
        features = _CachedActivations(
            images,
            FrozenLayers(start, POOLED),
            cache,
            augmented_copies,
            config.head.batch,
            progress,
        )
        head = inception.head(classes=len(data.labels), seed=config.seed)
        states = {
            PHASE_1: phases.train_phase(
                head,
                config.head,
                features,
                name=PHASE_1,
                checkpoint_path=run_folder / "phase-1.npz",
                progress=progress,
            )
        }
        source = export.from_keras(start.keras, classes=len(start.labels))
        model = inception.replace_head(source, head)
        if config.fine.epochs:
            inception.unfreeze(model, first=config.unlock_from)
            phase_2_data, top = _prepare_phase_2(
                model, images, start, cache, augmented_copies, progress
            )
            states[PHASE_2] = phases.train_phase(
                top,
                config.fine,
                phase_2_data,
                name=PHASE_2,
                checkpoint_path=run_folder / "phase-2.npz",
                progress=progress,
            )
    trained = _write_artifact(
        model, config, start=start, images=images, states=states, parent=parent
    )
    progress("exporting", 1, 1, f"Wrote {trained.version}")
    shutil.rmtree(run_folder, ignore_errors=True)
    return TrainingResult(trained, _problems(images))


def prepend_augmentation(model: keras.Model, config: ArticleConfig) -> keras.Model:
    """Put augmentation and scaling before a network: float32 [batch, 299, 299, 3] from 0 to 255.

    Everything runs on the accelerator; nothing is augmented at evaluation.
    """
    image = keras.Input((inception.SIZE, inception.SIZE, 3), name="pixels")
    augmented = augment.augmentation_layers(
        config.augmentation, size=inception.SIZE, seed=config.seed
    )(image)
    return keras.Model(image, model(keras.layers.Rescaling(1 / 255)(augmented)))


class _CachedActivations:
    """Data of a phase that is trained on the activations of frozen layers, kept on disk."""

    def __init__(
        self,
        images: TrainingImages,
        layers: FrozenLayers,
        cache: Path,
        augmented_copies: AugmentedCopies,
        batch: int,
        progress: ProgressCallback,
    ) -> None:
        def cached(rows: Sequence[Row], copy: int) -> list[Path]:
            return activation_cache.cache_activations(
                layers,
                rows,
                images.data.images,
                cache,
                augmented_copies=augmented_copies,
                number=copy,
                progress=progress,
            )

        self._images, self._cut, self._batch = images, layers.cut, batch
        self._in_memory = layers.cut == POOLED  # 8 kB per image
        copies = range(images.config.copies + 1)
        self._read_training = [self._reader(cached(images.train_rows, copy)) for copy in copies]
        self._read_validation = self._reader(cached(images.validation_rows, 0))

    def _reader(self, paths: list[Path]) -> Any:
        if self._in_memory:
            activations = activation_cache.load_activations(paths, POOLED)
            return lambda indices: activations[indices]
        return lambda indices: activation_cache.load_activations(
            [paths[i] for i in indices], self._cut
        )

    def epoch(self, number: int) -> Batches:
        read = self._read_training[number % len(self._read_training)]
        return _training_batches(
            self._images, read, number, batch=self._batch, in_memory=self._in_memory
        )

    def validation(self) -> Batches | None:
        return _validation_batches(
            self._images, self._read_validation, batch=self._batch, in_memory=self._in_memory
        )


class _PixelImages:
    """Data of a phase that is trained on pixels; threads read and resize the images ahead."""

    def __init__(self, images: TrainingImages, batch: int) -> None:
        self._images, self._batch = images, batch

    def _reader(self, rows: Sequence[Row]) -> Any:
        paths = self._images.data.images

        def read(indices: NDArray[Any]) -> NDArray[Any]:
            images = [load_pixels(rows[i].sha256, paths) for i in indices]
            return np.stack([augment.resize_square(pixels, inception.SIZE) for pixels in images])

        return read

    def epoch(self, number: int) -> Batches:
        read = self._reader(self._images.train_rows)
        return _training_batches(self._images, read, number, batch=self._batch)

    def validation(self) -> Batches | None:
        read = self._reader(self._images.validation_rows)
        return _validation_batches(self._images, read, batch=self._batch)


def _training_batches(
    images: TrainingImages, read: Any, epoch: int, *, batch: int, in_memory: bool = False
) -> Batches:
    return Batches(
        read,
        images.classes(images.train_rows),
        images.weights(),
        order=images.order(epoch),
        batch=batch,
        in_memory=in_memory,
    )


def _validation_batches(
    images: TrainingImages, read: Any, *, batch: int, in_memory: bool = False
) -> Batches | None:
    rows = images.validation_rows
    if not rows:
        return None
    count = len(rows)
    weights = np.ones(count, dtype=np.float32)
    classes, order = images.classes(rows), np.arange(count)
    return Batches(read, classes, weights, order=order, batch=batch, in_memory=in_memory)


def _prepare_phase_2(
    model: keras.Model,
    images: TrainingImages,
    start: Artifact,
    cache: Path,
    augmented_copies: AugmentedCopies,
    progress: ProgressCallback,
) -> tuple[Any, keras.Model]:
    """Return phase 2's data and the network that is trained on it, sharing the model's weights."""
    config = images.config
    count = len(images.train_rows) * (config.copies + 1) + len(images.validation_rows)
    needed_bytes = activation_cache.bytes_per_image(MIXED_5) * count
    if config.unlock_from < FIRST_ABOVE_MIXED_5 or needed_bytes > config.disk_budget * 1e9:
        return _PixelImages(images, config.fine.batch), prepend_augmentation(model, config)
    layers = FrozenLayers(start, MIXED_5)
    activations = _CachedActivations(
        images, layers, cache, augmented_copies, config.fine.batch, progress
    )
    return activations, inception.layers_above(model, MIXED_5)


def _learnable(data: Dataset) -> tuple[Dataset, list[str]]:
    """Return the dataset without the classes that have no training image, and those classes."""
    labels_in_use = {row.label for row in data.split("train")}
    labels = tuple(label for label in data.labels if label in labels_in_use)
    left_out = [label for label in data.labels if label not in labels_in_use]
    if len(labels) < 2:
        raise TrainingRefused(
            "At least two classes must have images to learn from. Received: "
            f"{len(data.split('train'))} images of split train, none of {', '.join(left_out)}. "
            "Add some."
        )
    rows = tuple(row for row in data.rows if row.label in labels_in_use)
    return replace(data, labels=labels, rows=rows), left_out


def _problems(images: TrainingImages) -> list[str]:
    train_counts = Counter(row.label for row in images.train_rows)
    validation_counts = Counter(row.label for row in images.validation_rows)
    labels = images.data.labels
    problems = [
        f"{label} has no image to learn from: the model does not know this class."
        for label in images.left_out
    ]
    problems += [
        f"{label} has one image to learn from." for label in labels if train_counts[label] == 1
    ]
    if not images.validation_rows:
        return [*problems, "There is no validation image: the last epoch was kept."]
    return problems + [
        f"{label} has no validation image: nothing is known of it."
        for label in labels
        if not validation_counts[label]
    ]


def _write_artifact(
    model: keras.Model,
    config: ArticleConfig,
    *,
    start: Artifact,
    images: TrainingImages,
    states: Mapping[str, State],
    parent: Path,
) -> Artifact:
    model = float32_copy(model, classes=len(images.data.labels))
    onnx_bytes = export.to_onnx(model)
    artifact_config = {
        "name": config.name,
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": start.sha256,
        "source": start.config["source"],
        "training": {
            "config": asdict(config),
            "manifest_sha256": manifest.sha256(images.data.rows, labels=images.data.labels),
            "images": {
                split: dict(sorted(Counter(row.label for row in rows).items()))
                for split, rows in (
                    ("train", images.train_rows),
                    ("validation", images.validation_rows),
                )
            },
            "phases": {
                name: {"epoch_kept": state.best_epoch, "history": state.history}
                for name, state in states.items()
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
            "config.json": json.dumps(artifact_config, indent=2, sort_keys=True).encode(),
            "card.md": article_card(artifact_config).encode(),
        },
    )


def float32_copy(model: keras.Model, *, classes: int) -> keras.Model:
    """Return the model's weights in a float32 network without an optimiser, ready to be saved."""
    keras.config.set_dtype_policy("float32")
    copy = inception.full_model(classes=classes)
    checkpoint.assign_values(copy.weights, checkpoint.copy_values(model.weights))
    return copy
