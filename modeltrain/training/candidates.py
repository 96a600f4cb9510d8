"""Train a candidate by any config."""

from __future__ import annotations

from pathlib import Path

from modeltrain.data.dataset import Dataset
from modeltrain.model.artifact import Artifact
from modeltrain.progress import ProgressCallback, quiet
from modeltrain.training import article
from modeltrain.training.article import TrainingResult
from modeltrain.training.configs import Config
from modeltrain.training.configs.article import ArticleConfig
from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.fine_tune import fine_tune
from modeltrain.training.head import train_head


def train_candidate(
    config: Config,
    *,
    start: Artifact,
    data: Dataset,
    cache: Path,
    parent: Path,
    checkpoints: Path,
    progress: ProgressCallback = quiet,
) -> TrainingResult:
    """Train a model by a config, from another model, and write it as an artifact.

    Parameters
    ----------
    config : ArticleConfig, FineTuneConfig or HeadConfig
        Its type decides what is trained.
    start : Artifact
        The model to start from.
    data : Dataset
    cache : pathlib.Path
        Folder of features and activations.
    parent : pathlib.Path
        Folder of artifacts.
    checkpoints : pathlib.Path
        Folder of unfinished trainings.
    progress : callable
        Called after each image, epoch and file.

    Raises
    ------
    TrainingRefused
        When the dataset lacks what the config needs.
    ImageMissing
        When an image is missing, cannot be read, or is not the one that its hash names.
    OutOfMemory
        When a batch does not fit into memory.
    """
    if isinstance(config, ArticleConfig):
        return article.train(
            config,
            start=start,
            data=data,
            cache=cache,
            parent=parent,
            checkpoints=checkpoints,
            progress=progress,
        )
    if isinstance(config, HeadConfig):
        trained = train_head(
            config,
            champion=start,
            rows=data.rows,
            images=data.images,
            cache=cache,
            parent=parent,
            progress=progress,
        )
    else:
        trained = fine_tune(
            config,
            champion=start,
            rows=data.rows,
            images=data.images,
            cache=cache,
            parent=parent,
            checkpoints=checkpoints,
            progress=progress,
        )
    return TrainingResult(trained, [])
