"""How long Keras's `predict` takes for one image, with the weights of an artifact.

    PYTHONPATH=. .venv/bin/python bench/peers/keras_predict.py ARTIFACT TIMES

Pixels of the model's own size are there already: neither decoding nor resizing is counted.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from modeltrain.model import artifact
from modeltrain.network import inception


def main() -> None:
    published = artifact.load(Path(sys.argv[1]))
    model = inception.full_model(classes=len(published.labels))
    model.load_weights(published.keras)
    image = np.random.default_rng(1).random((1, inception.SIZE, inception.SIZE, 3), np.float32)
    model.predict(image, verbose=0)
    milliseconds = []
    for _ in range(int(sys.argv[2])):
        start_time = time.perf_counter()
        model.predict(image, verbose=0)
        milliseconds.append(1000 * (time.perf_counter() - start_time))
    print(json.dumps({"milliseconds": milliseconds}))


if __name__ == "__main__":
    main()
