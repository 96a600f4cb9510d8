"""Changes to a picture that leave its label true: the article's, as Keras layers.

The same layers work inside a network on an accelerator, where every epoch draws new changes, and on
one image at a time with a seed, where the changed image's activations are to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from PIL import Image

from modeltrain.training.config_rules import at_least, between

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed. Every change is drawn evenly from minus to plus its limit.

    Attributes
    ----------
    rotate : float
        Degrees.
    shift, crop, zoom : float
        Shares of the side: moved by up to, cut down by, scaled by up to.
    shear : float
        Tangent of the angle.
    flip : bool
        Left and right, half of the time.
    channel_shift : float
        Added to each of red, green and blue, of 255.
    """

    rotate: float = 30.0
    shift: float = 0.1
    crop: float = 0.1
    shear: float = 0.2
    zoom: float = 0.2
    flip: bool = True
    channel_shift: float = 20.0

    def __post_init__(self) -> None:
        for name in ("shift", "crop", "shear", "zoom"):
            between(self, name, 0, 0.9)
        between(self, "rotate", 0, 180)
        between(self, "channel_shift", 0, 255)


def fit(pixels: Pixels, size: int) -> Pixels:
    """Resize to a square, antialiased: within 1/255 of what a model's own graph does.

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


def network(how: Augmentation, *, size: int, seed: int) -> keras.Sequential:
    """Build the changes as layers: float32 [batch, size, size, 3] of 0 to 255, in and out.

    They act while training and do nothing at evaluation. What a turn or a shift uncovers is filled
    with the nearest pixel.
    """
    kept = round(size * (1 - how.crop))
    filled = {"fill_mode": "nearest"}
    changes = [
        layers.RandomFlip("horizontal", seed=seed) if how.flip else None,
        layers.RandomRotation(how.rotate / 360, seed=seed + 1, **filled) if how.rotate else None,
        layers.RandomTranslation(how.shift, how.shift, seed=seed + 2, **filled)
        if how.shift
        else None,
        layers.RandomShear(how.shear, how.shear, seed=seed + 3, **filled) if how.shear else None,
        layers.RandomZoom(how.zoom, seed=seed + 4, **filled) if how.zoom else None,
        layers.RandomCrop(kept, kept, seed=seed + 5) if how.crop else None,
        layers.Resizing(size, size) if how.crop else None,
        ChannelShift(how.channel_shift, seed=seed + 6) if how.channel_shift else None,
    ]
    image = keras.Input((size, size, 3))
    return keras.Sequential([image, *(each for each in changes if each)], name="augmentation")


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


class Variants:
    """Changed copies of images, the same for the same image and number.

    Parameters
    ----------
    how : Augmentation
    size : int
    """

    def __init__(self, how: Augmentation, *, size: int) -> None:
        self.how = how
        self.size = size
        self._network = network(how, size=size, seed=0)
        self._generators = [
            each.generator for each in self._network.layers if hasattr(each, "generator")
        ]

    def make(self, pixels: Pixels, *, sha256: str, number: int) -> Pixels:
        """Return a changed copy.

        Parameters
        ----------
        pixels : numpy.ndarray of uint8, shape [height, width, 3]
        sha256 : str
            The image's hash; with `number`, what every change is drawn from.
        number : int

        Returns
        -------
        numpy.ndarray of uint8, shape [size, size, 3]
        """
        drawn = np.random.default_rng([int(sha256[:16], 16), number])
        for generator in self._generators:
            generator.state.assign(drawn.integers(0, 2**31, size=2, dtype=np.uint32))
        batch = fit(pixels, self.size).astype(np.float32)[None]
        changed = ops.convert_to_numpy(self._network(batch, training=True))[0]
        copy: Pixels = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
        return copy
