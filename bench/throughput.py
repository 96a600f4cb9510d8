"""Images per second in phase 2 on pixels: how fast an accelerator is fed.

    PYTHONPATH=. KERAS_BACKEND=tensorflow .venv/bin/python bench/throughput.py --batch 128

Random pixels go through augmentation, the frozen layers and the unfrozen ones, forwards and
backwards, and the same threads read them as in training. The first steps, which compile, are not
counted. Set KERAS_BACKEND to jax or torch to measure these backends, if they are installed.
"""

import argparse
import json
import time

import keras
import numpy as np

from modeltrain.network import devices, inception
from modeltrain.training import article, configs
from modeltrain.training.phases import Batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    config = configs.get("article")
    devices.prepare(config.seed)
    with devices.data_parallel_scope():
        model = inception.full_model(classes=5)
        inception.unfreeze(model, first=config.unlock_from)
        network = article.prepend_augmentation(model, config)
        network.compile(
            keras.optimizers.Adam(1e-5),
            loss="sparse_categorical_crossentropy",
            jit_compile=bool(devices.accelerators()),
        )
    pixels = np.random.default_rng(0).integers(0, 256, (args.batch, 299, 299, 3), dtype=np.uint8)

    def batches(steps: int) -> Batches:
        count = steps * args.batch
        return Batches(
            lambda indices: pixels[indices % args.batch],
            np.zeros(count, dtype=np.int64),
            np.ones(count, dtype=np.float32),
            order=np.arange(count),
            batch=args.batch,
        )

    network.fit(batches(3), epochs=1, shuffle=False, verbose=0)
    start_time = time.perf_counter()
    network.fit(batches(args.steps), epochs=1, shuffle=False, verbose=0)
    seconds = time.perf_counter() - start_time
    figures = {"batch": args.batch, "images_a_second": args.steps * args.batch / seconds}
    print(json.dumps(devices.describe() | figures, indent=2))


if __name__ == "__main__":
    main()
