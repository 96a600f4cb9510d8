"""Augmentation: the article's changes to an image that leave its label true, as Keras layers.

The same layers work inside a network on an accelerator, where every epoch draws new changes, and on
one image at a time with a seed, if the activations of the augmented copy are to be cached.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from PIL import Image

from modeltrain.training.config_rules import at_least
from modeltrain.training.configs.augmentation import Augmentation

Pixels = NDArray[np.uint8]


def resize_square(pixels: Pixels, size: int) -> Pixels:
    """Resize to a square, antialiased: within 1/255 of the result of a model's own graph.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, shape [height, width, 3]
    size : int

    Returns
    -------
    numpy.ndarray of uint8, shape [size, size, 3]
    """
    if pixels.shape[:2] == (size, size):
        return pixels
    resized = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def augmentation_layers(augmentation: Augmentation, *, size: int, seed: int) -> keras.Sequential:
    """Build the augmentation as layers: float32 [batch, size, size, 3] from 0 to 255, in and out.

    The layers act in training and do nothing at evaluation. Areas that a rotation or a shift
    uncovers are filled with the nearest pixel.
    """
    cropped = round(size * (1 - augmentation.crop))
    filled = {"fill_mode": "nearest"}
    optional_layers = [
        layers.RandomFlip("horizontal", seed=seed) if augmentation.flip else None,
        layers.RandomRotation(augmentation.rotate / 360, seed=seed + 1, **filled)
        if augmentation.rotate
        else None,
        layers.RandomTranslation(augmentation.shift, augmentation.shift, seed=seed + 2, **filled)
        if augmentation.shift
        else None,
        layers.RandomShear(augmentation.shear, augmentation.shear, seed=seed + 3, **filled)
        if augmentation.shear
        else None,
        layers.RandomZoom(augmentation.zoom, seed=seed + 4, **filled)
        if augmentation.zoom
        else None,
        layers.RandomCrop(cropped, cropped, seed=seed + 5) if augmentation.crop else None,
        layers.Resizing(size, size) if augmentation.crop else None,
        ChannelShift(augmentation.channel_shift, seed=seed + 6)
        if augmentation.channel_shift
        else None,
    ]
    image = keras.Input((size, size, 3))
    return keras.Sequential(
        [image, *(layer for layer in optional_layers if layer)], name="augmentation"
    )


class ChannelShift(layers.Layer):
    """Add a random number to each channel of each image, the same for all its pixels."""

    def __init__(self, limit: float, *, seed: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        at_least(self, "limit", 0, value=limit)
        self.limit = limit
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        if not training:
            return images
        shape = (ops.shape(images)[0], 1, 1, 3)
        shift = keras.random.uniform(shape, -self.limit, self.limit, seed=self.generator)
        return ops.clip(images + ops.cast(shift, images.dtype), 0, 255)


class AugmentedCopies:
    """Augmented copies of images; an image and a number always give the same copy.

    Parameters
    ----------
    augmentation : Augmentation
    size : int
        Side of the copies in pixels.
    """

    def __init__(self, augmentation: Augmentation, *, size: int) -> None:
        self.augmentation = augmentation
        self.size = size
        self._network = augmentation_layers(augmentation, size=size, seed=0)
        self._generators = [
            layer.generator for layer in self._network.layers if hasattr(layer, "generator")
        ]

    def augment(self, pixels: Pixels, *, sha256: str, number: int) -> Pixels:
        """Return an augmented copy.

        Parameters
        ----------
        pixels : numpy.ndarray of uint8, shape [height, width, 3]
        sha256 : str
            The image's hash; with `number`, the seed of every change.
        number : int
            Which copy.

        Returns
        -------
        numpy.ndarray of uint8, shape [size, size, 3]
        """
        random = np.random.default_rng([int(sha256[:16], 16), number])
        for generator in self._generators:
            generator.state.assign(random.integers(0, 2**31, size=2, dtype=np.uint32))
        batch = resize_square(pixels, self.size).astype(np.float32)[None]
        augmented = ops.convert_to_numpy(self._network(batch, training=True))[0]
        copy: Pixels = np.clip(np.rint(augmented), 0, 255).astype(np.uint8)
        return copy
