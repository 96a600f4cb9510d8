"""Fine-tune the champion on reported images, and preserve what it knows.

The article's second phase, from the champion instead of from a new head: the head and the
convolutions from the 56th on are trained on augmented images with an exponentially decaying
learning rate, and normalisation stays in inference mode. The guard against forgetting is the one
that `head` has. Its data impressions are features, so they enter above the convolutions.

Source: the fine-tuning phase of Keras's "Transfer learning & fine-tuning" guide; for the guard see
`objective` and `head`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.model import artifact
from modeltrain.model.artifact import Artifact
from modeltrain.model.card import fine_tune_card
from modeltrain.model.classifier import Classifier
from modeltrain.model.features import compute_features
from modeltrain.network import devices, export, inception
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import activation_cache, checkpoint, phases
from modeltrain.training.activation_cache import MIXED_5, FrozenLayers
from modeltrain.training.article import float32_copy
from modeltrain.training.augment import AugmentedCopies
from modeltrain.training.checkpoint import State
from modeltrain.training.configs.fine_tune import FineTuneConfig
from modeltrain.training.data_impressions import Floats, Weights, agreement
from modeltrain.training.errors import TrainingRefused
from modeltrain.training.head import TowardsChampion, check_rows, count_images, examples_of
from modeltrain.training.objective import Examples, impressions_of_all_classes, loss_rows

STAGE = "fine-tuning"
IMPRESSIONS_PER_IMAGE = 4  # rows of features cost next to nothing beside convolutions


@dataclass(frozen=True)
class Guarded:
    """One split's images and impressions, each with its target and its weight in the loss.

    Attributes
    ----------
    paths : list of list of pathlib.Path
        The cached activations of each image: first of the image, then of its augmented copies.
    targets : numpy.ndarray of float32, shape [n, classes]
    weights : numpy.ndarray of float32, shape [n]
    impressions : numpy.ndarray of float32, shape [m, 2048]
    impression_targets : numpy.ndarray of float32, shape [m, classes]
    impression_share : float
        Of the whole loss.
    """

    paths: list[list[Path]]
    targets: Floats
    weights: Floats
    impressions: Floats
    impression_targets: Floats
    impression_share: float


class GuardedBatches(keras.utils.PyDataset):
    """Batches of images with impressions beside them, which threads read ahead."""

    def __init__(self, split: Guarded, *, copy: int, batch: int, random: Any) -> None:
        super().__init__(workers=4, max_queue_size=8)
        self._split, self._paths, self._batch = split, split.paths[copy], batch
        self._order = random.permutation(len(self._paths))
        # As many impressions for each image of a batch, whatever its size.
        count = IMPRESSIONS_PER_IMAGE * len(self._paths) if len(split.impressions) else 0
        self._impressions = random.integers(max(len(split.impressions), 1), size=count)

    def for_keras(self) -> dict[str, Any]:
        """Return the arguments for Keras's `fit` and `evaluate`."""
        return {"x": self}

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int) -> tuple[Any, Floats, Floats]:
        split, places = self._split, slice(index * self._batch, (index + 1) * self._batch)
        images = self._order[places]
        places = slice(places.start * IMPRESSIONS_PER_IMAGE, places.stop * IMPRESSIONS_PER_IMAGE)
        impressions = self._impressions[places]
        activations = activation_cache.load_activations([self._paths[n] for n in images], MIXED_5)
        count = len(images) + len(impressions)
        share = split.impression_share if len(impressions) else 0.0
        weights = np.concatenate(
            [
                split.weights[images] * (1 - share) * count / len(images),
                np.full(len(impressions), share * count / max(len(impressions), 1)),
            ]
        ).astype(np.float32)
        targets = np.concatenate([split.targets[images], split.impression_targets[impressions]])
        return (activations, split.impressions[impressions]), targets, weights


class GuardedData:
    """The data of the phase: each epoch takes the next augmented copy of each image."""

    def __init__(self, config: FineTuneConfig, train: Guarded, validation: Guarded | None) -> None:
        self._config, self._train, self._validation = config, train, validation

    def epoch(self, number: int) -> GuardedBatches:
        return GuardedBatches(
            self._train,
            copy=number % len(self._train.paths),
            batch=self._config.fine.batch,
            random=np.random.default_rng([self._config.seed, number]),
        )

    def validation(self) -> GuardedBatches | None:
        if self._validation is None:
            return None
        return GuardedBatches(
            self._validation,
            copy=0,
            batch=self._config.fine.batch,
            random=np.random.default_rng([self._config.seed, 0]),
        )


def fine_tune(
    config: FineTuneConfig,
    *,
    champion: Artifact,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    cache: Path,
    parent: Path,
    checkpoints: Path,
    progress: ProgressCallback = quiet,
) -> Artifact:
    """Fine-tune the champion on a dataset and write the new model as an artifact.

    The same dataset, config and champion give the same artifact on the same machine. If anything
    fails, no artifact is written. A training that was killed and is started again with the same
    arguments resumes after its last complete epoch.

    Parameters
    ----------
    config : FineTuneConfig
    champion : Artifact
        The model to start from, whose knowledge must be preserved.
    rows : sequence of Row
        The model is trained on rows of split `train`; rows of `validation` decide which epoch is
        kept; others are ignored. Source `report` marks reported images, every other an anchor.
    images : mapping of str to pathlib.Path
        Each image's path, by pixel hash.
    cache : pathlib.Path
        Folder of features and activations.
    parent : pathlib.Path
        Folder of artifacts.
    checkpoints : pathlib.Path
        Folder of unfinished trainings, each with its last complete epoch.
    progress : callable
        Called after each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When there are no training images, all have one label, or their activations exceed the
        config's budget.
    ImageMissing
        When an image is missing, cannot be read, or is not the one that its hash names.
    OutOfMemory
        When a batch does not fit into memory.
    """
    train_rows = [row for row in rows if row.split == "train"]
    validation_rows = [row for row in rows if row.split == "validation"]
    check_rows(train_rows)
    _check_budget(config, len(train_rows), len(validation_rows))
    devices.prepare(config.seed)
    features = compute_features(
        [*train_rows, *validation_rows], images, Classifier(champion), cache, progress
    )
    start = export.head_weights(champion.onnx)
    train = examples_of(train_rows, features[: len(train_rows)], champion.labels)
    validation = examples_of(validation_rows, features[len(train_rows) :], champion.labels)
    layers, copies = (
        FrozenLayers(champion, MIXED_5),
        AugmentedCopies(config.augmentation, size=inception.SIZE),
    )

    def guarded(split_rows: Sequence[Row], examples: Examples, count: int, seed: int) -> Guarded:
        paths = [
            activation_cache.cache_activations(
                layers,
                split_rows,
                images,
                cache,
                augmented_copies=copies,
                number=number,
                progress=progress,
            )
            for number in range(count + 1)
        ]
        impressions = impressions_of_all_classes(config, start, train, random_seed=seed)
        return _guard(config, start, examples, impressions, paths)

    run_folder = checkpoints / checkpoint.folder_name(
        config, champion, labels=champion.labels, rows=rows
    )
    with devices.data_parallel_scope():
        model = _unlocked(config, champion, start)
        state = phases.train_phase(
            _with_impressions(model),
            config.fine,
            GuardedData(
                config,
                guarded(train_rows, train, config.copies, config.seed + 1),
                guarded(validation_rows, validation, 0, config.seed + 2)
                if validation_rows
                else None,
            ),
            name=STAGE,
            checkpoint_path=run_folder / "fine-tune.npz",
            loss="categorical_crossentropy",
            progress=progress,
        )
    progress("exporting", 0, 1, "Writing the model")
    candidate = _write_artifact(
        model, config, champion=champion, start=start, rows=rows, train=train, state=state,
        parent=parent,
    )  # fmt: skip
    progress("exporting", 1, 1, f"Wrote {candidate.version}")
    shutil.rmtree(run_folder, ignore_errors=True)
    return candidate


def _check_budget(config: FineTuneConfig, train: int, validation: int) -> None:
    count = train * (config.copies + 1) + validation
    needed = activation_cache.bytes_per_image(MIXED_5) * count / 1e9
    if needed > config.disk_budget:
        raise TrainingRefused(
            f"Cached activations must fit into disk_budget, {config.disk_budget:g} GB. Received: "
            f"{count} images and copies, which take {needed:.2g} GB. Set fewer copies, or a larger "
            "disk_budget."
        )


def _guard(
    config: FineTuneConfig,
    start: Weights,
    examples: Examples,
    impressions: Floats,
    paths: list[list[Path]],
) -> Guarded:
    rows = loss_rows(config, start, examples, impressions)
    count = len(examples.classes)
    weights = rows.weights[:count]
    return Guarded(
        paths=paths,
        targets=rows.targets[:count],
        weights=weights * (count / weights.sum()),
        impressions=impressions,
        impression_targets=rows.targets[count:],
        impression_share=float(rows.weights[count:].sum() / rows.weights.sum()),
    )


def _unlocked(config: FineTuneConfig, champion: Artifact, start: Weights) -> keras.Model:
    """Return the champion's network without dropout, whose trainable kernels are pulled back."""
    source = export.from_keras(champion.keras, classes=len(champion.labels))
    head = inception.head(
        classes=len(champion.labels),
        regularizers=[TowardsChampion(config.l2_sp, kernel) for kernel in start[::2]],
        dropout=(0.0, 0.0),
        seed=config.seed,
    )
    for name, kernel, bias in zip(inception.HEAD_LAYERS, start[::2], start[1::2], strict=True):
        head.get_layer(name).set_weights([kernel, bias])
    model = inception.replace_head(source, head)
    inception.unfreeze(model, first=config.unlock_from)
    for layer in model.layers:
        if layer.trainable and isinstance(layer, keras.layers.Conv2D):
            (kernel,) = layer.get_weights()
            layer.kernel.regularizer = TowardsChampion(config.l2_sp, kernel)
    return model


def _with_impressions(model: keras.Model) -> keras.Model:
    """Return the part above the cut, which takes impressions as a second input.

    Its output has the probabilities of the images first, and then those of the impressions.
    """
    impressions = keras.Input((inception.FEATURES,), name="impressions")
    features = keras.layers.Concatenate(axis=0)([model.get_layer("features").output, impressions])
    return keras.Model(
        [model.get_layer(MIXED_5).output, impressions], model.get_layer("head")(features)
    )


def _write_artifact(
    model: keras.Model,
    config: FineTuneConfig,
    *,
    champion: Artifact,
    start: Weights,
    rows: Sequence[Row],
    train: Examples,
    state: State,
    parent: Path,
) -> Artifact:
    model = float32_copy(model, classes=len(champion.labels))
    onnx_bytes = export.to_onnx(model)
    head = model.get_layer("head")
    trained: list[NDArray[np.float32]] = [
        array for name in inception.HEAD_LAYERS for array in head.get_layer(name).get_weights()
    ]
    held_out = impressions_of_all_classes(config, start, train, random_seed=config.seed + 3)
    artifact_config = {
        "name": config.name,
        "base_sha256": export.base_sha256(onnx_bytes),
        "parent": champion.sha256,
        "source": champion.config["source"],
        "training": {
            "config": asdict(config),
            "manifest_sha256": manifest.sha256(rows),
            "images": count_images(rows),
            "epoch_kept": state.best_epoch,
            "history": state.history,
            "impression_agreement": agreement(start, trained, held_out, champion.labels),
            "device": devices.describe(),
        },
    }
    return artifact.write(
        parent=parent,
        files={
            "model.onnx": onnx_bytes,
            "model.keras": export.to_keras(model),
            "labels.json": (champion.path / "labels.json").read_bytes(),
            "config.json": json.dumps(artifact_config, indent=2, sort_keys=True).encode(),
            "card.md": fine_tune_card(artifact_config).encode(),
        },
    )
