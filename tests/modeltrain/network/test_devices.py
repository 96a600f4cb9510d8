import contextlib

import keras
import numpy as np

from modeltrain.network import devices


def test_a_run_on_a_cpu_is_in_float32_and_says_so():
    devices.prepare(seed=3)
    assert devices.describe() == {
        "backend": "tensorflow",
        "keras": keras.__version__,
        "accelerators": devices.accelerators(),
        "precision": "mixed_float16" if devices.accelerators() else "float32",
    }


def test_a_seed_gives_the_same_numbers_again():
    draws = []
    for seed in (3, 3, 4):
        devices.prepare(seed)
        draws.append((np.random.random(), float(keras.random.uniform(()))))
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_one_device_or_none_needs_no_scope():
    if devices.accelerators() < 2:
        assert isinstance(devices.data_parallel_scope(), contextlib.nullcontext)
