"""ImageNet's base computes the same in this package's network, from pixels on another scale."""

import keras
import numpy as np
import pytest

from modeltrain.network import imagenet, inception


def test_the_base_computes_the_same_from_0_to_1_as_keras_from_minus_1_to_1():
    keras.utils.set_random_seed(3)
    source = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")
    random = np.random.default_rng(3)
    for layer in source.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean, variance = layer.get_weights()
            shifts = [random.normal(0, 0.2, beta.shape), random.normal(0, 0.2, mean.shape)]
            layer.set_weights([*shifts, random.uniform(0.5, 1.5, variance.shape)])
    ours = inception.base()
    imagenet.copy_weights(source, ours)
    pixels = random.uniform(0, 1, (1, 299, 299, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(source(2 * pixels - 1))
    received = keras.ops.convert_to_numpy(ours(pixels))
    assert expected.std() > 0
    np.testing.assert_allclose(received, expected, atol=1e-4 * np.abs(expected).max())


def test_weights_that_cannot_be_downloaded_are_refused_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "keras.src.applications.inception_v3.WEIGHTS_PATH_NO_TOP", "http://127.0.0.1:9/none.h5"
    )
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(imagenet.WeightsUnavailable, match="start from an artifact"):
        imagenet.convert(parent=tmp_path / "out")
    assert not (tmp_path / "out").exists()
