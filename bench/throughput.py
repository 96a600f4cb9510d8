"""Images a second in phase 2 from pixels: what an accelerator is kept busy with.

    PYTHONPATH=. KERAS_BACKEND=tensorflow .venv/bin/python bench/throughput.py --batch 128

Made-up pixels go through the changes, the frozen layers and the unlocked ones, forwards and back,
as in training, read by the same threads. The first steps, which compile, are not counted. With
KERAS_BACKEND=jax or torch it measures these, where they are installed.
"""

import argparse
import json
import time

import keras
import numpy as np

from modeltrain.network import devices, inception
from modeltrain.training import article, configs, phases
from modeltrain.training.phases import Batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    config = configs.get("article")
    devices.prepare(config.seed)
    with devices.together():
        model = inception.whole(classes=5)
        inception.unlock(model, first=config.unlock_from)
        learning = article.from_pixels(model, config)
        learning.compile(
            keras.optimizers.Adam(1e-5),
            loss="sparse_categorical_crossentropy",
            jit_compile=bool(devices.accelerators()),
        )
    pixels = np.random.default_rng(0).integers(0, 256, (args.batch, 299, 299, 3), dtype=np.uint8)

    def batches(steps: int) -> Batches:
        count = steps * args.batch
        return phases.Batches(
            lambda taken: pixels[taken % args.batch],
            np.zeros(count, dtype=np.int64),
            np.ones(count, dtype=np.float32),
            order=np.arange(count),
            batch=args.batch,
        )

    learning.fit(batches(3), epochs=1, shuffle=False, verbose=0)
    began = time.perf_counter()
    learning.fit(batches(args.steps), epochs=1, shuffle=False, verbose=0)
    seconds = time.perf_counter() - began
    measured = {"batch": args.batch, "images_a_second": args.steps * args.batch / seconds}
    print(json.dumps(devices.describe() | measured, indent=2))


if __name__ == "__main__":
    main()
