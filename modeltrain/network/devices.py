"""What training runs on: the backend, the devices and the precision."""

from __future__ import annotations

import contextlib
import importlib
from contextlib import AbstractContextManager
from typing import Any

import keras


def accelerators() -> int:
    """Return the number of GPUs or TPUs that Keras's backend sees."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        tensorflow = importlib.import_module("tensorflow")
        return sum(len(tensorflow.config.list_physical_devices(kind)) for kind in ("GPU", "TPU"))
    if backend == "jax":
        devices = importlib.import_module("jax").devices()
        return sum(device.platform != "cpu" for device in devices)
    if backend == "torch":
        return int(importlib.import_module("torch").cuda.device_count())
    return 0


def describe() -> dict[str, Any]:
    """Describe what training runs on, for the record of a run.

    Returns
    -------
    dict
        `backend`, `keras` (its version), `accelerators` (their number) and `precision`.
    """
    return {
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "accelerators": accelerators(),
        "precision": keras.config.dtype_policy().name,
    }


def prepare(seed: int) -> None:
    """Set seeds, and choose mixed precision if there is an accelerator, otherwise float32.

    On a CPU, training then gives the same weights for the same seed, inputs and machine.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy("mixed_float16" if accelerators() else "float32")


def data_parallel_scope() -> AbstractContextManager[Any]:
    """Return a scope in which a model is built for all accelerators, each taking part of a batch.

    With one accelerator or none, the scope does nothing. TensorFlow uses `tf.distribute`, JAX uses
    Keras's own data parallelism, and torch uses a single accelerator.
    """
    backend = keras.backend.backend()
    if accelerators() > 1 and backend == "tensorflow":
        strategy = importlib.import_module("tensorflow").distribute.MirroredStrategy()
        return strategy.scope()  # type: ignore[no-any-return]
    if accelerators() > 1 and backend == "jax":
        distribution: Any = keras.distribution.DataParallel()
        return distribution.scope()  # type: ignore[no-any-return]
    return contextlib.nullcontext()
