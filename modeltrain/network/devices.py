"""What training runs on: which backend, which devices, in which precision."""

from __future__ import annotations

import contextlib
import importlib
from contextlib import AbstractContextManager
from typing import Any

import keras


def accelerators() -> int:
    """Count the GPUs or TPUs that Keras's backend sees."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        tensorflow = importlib.import_module("tensorflow")
        return sum(len(tensorflow.config.list_physical_devices(kind)) for kind in ("GPU", "TPU"))
    if backend == "jax":
        devices = importlib.import_module("jax").devices()
        return sum(each.platform != "cpu" for each in devices)
    if backend == "torch":
        return int(importlib.import_module("torch").cuda.device_count())
    return 0


def describe() -> dict[str, Any]:
    """Say what training runs on, for the record of a run."""
    return {
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "accelerators": accelerators(),
        "precision": keras.config.dtype_policy().name,
    }


def prepare(seed: int) -> None:
    """Fix seeds, and choose mixed precision where there is an accelerator, float32 where not.

    With the same seed, inputs and machine, training then gives the same weights on a CPU.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy("mixed_float16" if accelerators() else "float32")


def together() -> AbstractContextManager[Any]:
    """Return a scope in which a model is built for all accelerators: each takes a part of a batch.

    With one or none the scope does nothing. TensorFlow mirrors by `tf.distribute`, JAX by Keras's
    own data parallelism; with torch one accelerator is used.
    """
    backend = keras.backend.backend()
    if accelerators() > 1 and backend == "tensorflow":
        strategy = importlib.import_module("tensorflow").distribute.MirroredStrategy()
        return strategy.scope()  # type: ignore[no-any-return]
    if accelerators() > 1 and backend == "jax":
        distribution: Any = keras.distribution.DataParallel()
        return distribution.scope()  # type: ignore[no-any-return]
    return contextlib.nullcontext()
