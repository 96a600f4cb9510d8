"""Classify images with an artifact's graph, in onnxruntime; safe to share between threads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from modeltrain.model.artifact import Artifact


@dataclass(frozen=True, eq=False)
class Prediction:
    """A model's answer for one image.

    Attributes
    ----------
    label : str
        The class with the highest score.
    scores : dict of str to float
        Probability of each class, in the model's order; they sum to 1.
    features : numpy.ndarray of float32, shape [width]
        The pooled features of the base, as many as the model has.
    """

    label: str
    scores: dict[str, float]
    features: NDArray[np.float32]


class Classifier:
    """A model, loaded and ready to classify.

    Parameters
    ----------
    artifact : Artifact
    threads : int
        CPU threads for one image; 0 for one per core.
    """

    def __init__(self, artifact: Artifact, *, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait for each other sleep: they leave the processor to other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.artifact = artifact
        self._session = onnxruntime.InferenceSession(
            str(artifact.onnx), options, providers=["CPUExecutionProvider"]
        )

    @property
    def feature_width(self) -> int:
        """How many features the model gives for an image."""
        return int(self._session.get_outputs()[1].shape[0])

    def classify(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Classify one image of any size.

        Parameters
        ----------
        pixels : numpy.ndarray of uint8, shape [height, width, 3]
            RGB, not resized: the graph resizes it itself.

        Raises
        ------
        ValueError
            When `pixels` has another type or shape, or is empty.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                "An image must be uint8 of shape [height, width, 3]. "
                f"Received: {pixels.dtype} of shape {list(pixels.shape)}. Decode it with "
                "modeltrain.images.codec.decode."
            )
        probabilities, features = self._session.run(
            ["probabilities", "features"], {"image": np.ascontiguousarray(pixels)}
        )
        scores = dict(zip(self.artifact.labels, map(float, probabilities), strict=True))
        return Prediction(
            label=max(scores, key=scores.__getitem__), scores=scores, features=features
        )
