"""The network, built by this code: Inception v3 without its top, and a head of three dense layers.

Convolutions are created, and therefore numbered, in the order of the published weights: within a
block, branch by branch. Weights are loaded in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

SIZE = 299
FEATURES = 2048
HEAD_LAYERS = ("dense_1", "dense_2", "dense_3")
CONVOLUTIONS = 94

Conv = tuple[int, int, int]  # filters, kernel rows, kernel columns
Tensor = Any


def base() -> keras.Model:
    """Build Inception v3 down to its pooled features.

    Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016),
    figures 5 to 7 and 10; widths as Keras publishes them. Batch normalisation has no scale.

    Returns
    -------
    keras.Model
        float32 [batch, 299, 299, 3] in [0, 1] → float32 [batch, 2048]. Layers are named
        `conv_01` … `conv_94` and `norm_01` … `norm_94` in order of creation.
    """
    build = _Builder()
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = build.conv(image, (32, 3, 3), stride=2, padding="valid")
    x = build.conv(x, (32, 3, 3), padding="valid")
    x = build.conv(x, (64, 3, 3))
    x = layers.MaxPooling2D(3, 2, name="pool_1")(x)
    x = build.conv(x, (80, 1, 1), padding="valid")
    x = build.conv(x, (192, 3, 3), padding="valid")
    x = layers.MaxPooling2D(3, 2, name="pool_2")(x)
    for pooled in (32, 64, 64):
        x = build.mixed(
            x,
            [(64, 1, 1)],
            [(48, 1, 1), (64, 5, 5)],
            [(64, 1, 1), (96, 3, 3), (96, 3, 3)],
            pooled=pooled,
        )
    x = build.reduce(x, [(384, 3, 3)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)])
    for n in (128, 160, 160, 192):
        x = build.mixed(
            x,
            [(192, 1, 1)],
            [(n, 1, 1), (n, 1, 7), (192, 7, 1)],
            [(n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)],
            pooled=192,
        )
    x = build.reduce(
        x, [(192, 1, 1), (320, 3, 3)], [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)]
    )
    for _ in range(2):
        x = build.wide(x)
    return keras.Model(image, layers.GlobalAveragePooling2D(name="features")(x), name="base")


def head(
    *,
    classes: int = 5,
    l2: float = 0.0005,
    regularizers: Sequence[keras.Regularizer] | None = None,
    dropout: tuple[float, float] = (0.5, 0.25),
    seed: int = 0,
) -> keras.Model:
    """Build the three dense layers that turn features into probabilities.

    Parameters
    ----------
    classes : int
        Number of outputs.
    l2 : float
        Penalty on the first kernel, as in the published model; used if `regularizers` is None.
    regularizers : sequence of 3 keras.Regularizer, optional
        One for each kernel, instead of `l2`.
    dropout : tuple of float
        Rates after the first and the second layer; the default is the published model's.
    seed : int
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        float32 [batch, 2048] → float32 [batch, classes], rows that sum to 1.
    """
    first, second, third = regularizers or (keras.regularizers.L2(l2), None, None)
    he, glorot = keras.initializers.HeNormal, keras.initializers.GlorotUniform
    first_name, second_name, third_name = HEAD_LAYERS
    features = keras.Input((FEATURES,), name="features")
    x = layers.Dense(
        256, "relu", kernel_initializer=he(seed), kernel_regularizer=first, name=first_name
    )(features)
    x = layers.Dropout(dropout[0], seed=seed + 1, name="dropout_1")(x)
    x = layers.Dense(
        128, "relu", kernel_initializer=he(seed + 2), kernel_regularizer=second, name=second_name
    )(x)
    x = layers.Dropout(dropout[1], seed=seed + 3, name="dropout_2")(x)
    x = layers.Dense(
        classes,
        "softmax",
        kernel_initializer=glorot(seed + 4),
        kernel_regularizer=third,
        name=third_name,
    )(x)
    return keras.Model(features, x, name="head")


def full_model(*, classes: int = 5) -> keras.Model:
    """Join `base` and `head`: float32 [batch, 299, 299, 3] in [0, 1] → float32 [batch, classes]."""
    bottom, top = base(), head(classes=classes)
    return keras.Model(bottom.input, top(bottom.output), name="inception_v3")


def replace_head(model: keras.Model, head: keras.Model) -> keras.Model:
    """Join the base of a `full_model` and another head; both share their layers with the result."""
    pooled = model.get_layer("features").output
    return keras.Model(model.input, head(pooled), name="inception_v3")


def layers_above(model: keras.Model, cut: str) -> keras.Model:
    """Return the part of a `full_model` that takes one layer's output; weights are shared.

    Parameters
    ----------
    model : keras.Model
        As `full_model` builds it.
    cut : str
        The layer's name, such as `mixed_5`.
    """
    return keras.Model(model.get_layer(cut).output, model.output, name=f"above_{cut}")


def unfreeze(model: keras.Model, *, first: int) -> None:
    """Make the head and the convolutions from number `first` trainable, and nothing else.

    Normalisation keeps its statistics and its shift: a frozen normalisation layer runs as at
    inference, so a few images cannot spoil statistics that were measured on many.

    Parameters
    ----------
    model : keras.Model
        As `full_model` builds it.
    first : int
        Counted from 1; the article unfreezes from the 56th.
    """
    trainable = {f"conv_{n:02d}" for n in range(first, CONVOLUTIONS + 1)} | {"head"}
    for layer in model.layers:
        layer.trainable = layer.name in trainable


class _Builder:
    """Creates convolutions and blocks, and numbers them."""

    def __init__(self) -> None:
        self.convs = 0
        self.blocks = 0

    def conv(self, x: Tensor, shape: Conv, *, stride: int = 1, padding: str = "same") -> Tensor:
        self.convs += 1
        filters, rows, columns = shape
        x = layers.Conv2D(
            filters,
            (rows, columns),
            strides=stride,
            padding=padding,
            use_bias=False,
            name=f"conv_{self.convs:02d}",
        )(x)
        x = layers.BatchNormalization(scale=False, epsilon=0.001, name=f"norm_{self.convs:02d}")(x)
        return layers.Activation("relu", name=f"relu_{self.convs:02d}")(x)

    def branch(self, x: Tensor, shapes: Sequence[Conv]) -> Tensor:
        for shape in shapes:
            x = self.conv(x, shape)
        return x

    def mixed(self, x: Tensor, *branches: Sequence[Conv], pooled: int) -> Tensor:
        """Run branches in parallel, one more through average pooling; the size stays the same."""
        outputs = [self.branch(x, shapes) for shapes in branches]
        return self._join([*outputs, self._pooled(x, pooled)])

    def reduce(self, x: Tensor, *branches: Sequence[Conv]) -> Tensor:
        """Halve the size: the last convolution of each branch, and a max pooling, have stride 2."""
        outputs = []
        for shapes in branches:
            inner = self.branch(x, shapes[:-1])
            outputs.append(self.conv(inner, shapes[-1], stride=2, padding="valid"))
        pool = layers.MaxPooling2D(3, 2, name=f"mixed_{self.blocks}_pool")(x)
        return self._join([*outputs, pool])

    def wide(self, x: Tensor) -> Tensor:
        """Build the 8×8 block: each 3×3 convolution is split into 1×3 and 3×1 in parallel."""
        single = self.conv(x, (320, 1, 1))
        split = self._split(self.conv(x, (384, 1, 1)), "a")
        deep_split = self._split(self.branch(x, [(448, 1, 1), (384, 3, 3)]), "b")
        return self._join([single, split, deep_split, self._pooled(x, 192)])

    def _split(self, x: Tensor, name: str) -> Tensor:
        halves = [self.conv(x, (384, 1, 3)), self.conv(x, (384, 3, 1))]
        return layers.Concatenate(name=f"mixed_{self.blocks}_{name}")(halves)

    def _pooled(self, x: Tensor, filters: int) -> Tensor:
        pool = layers.AveragePooling2D(3, 1, padding="same", name=f"mixed_{self.blocks}_pool")(x)
        return self.conv(pool, (filters, 1, 1))

    def _join(self, branches: Sequence[Tensor]) -> Tensor:
        joined = layers.Concatenate(name=f"mixed_{self.blocks}")(branches)
        self.blocks += 1
        return joined
