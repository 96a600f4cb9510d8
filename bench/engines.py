"""Which engine answers with the least processor time, and do batches help?

    PYTHONPATH=. .venv/bin/python bench/engines.py --artifact var/artifacts/NAME

Measures the part of the graph behind the resizing, with one thread, so that processor time is what
an image costs a machine that is never idle: batches of 1, 2, 4 and 8 images in onnxruntime, and
batches of 1 in OpenVINO if it is installed. --quantized names an 8-bit export of the artifact. All
are measured in turn, as often as --rounds says.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

FIRST, LAST = "resized", "probability_row"
BATCHES = (1, 2, 4, 8)
SIDE = 299

Run = Callable[[], object]


def network(graph: Path, folder: Path) -> Path:
    """The graph from resized pixels to probabilities, for batches of any size."""
    out = folder / f"{graph.parent.name}.onnx"
    onnx.utils.extract_model(str(graph), str(out), [FIRST], [LAST], check_model=False)
    model = onnx.load(out)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "images"
    del model.graph.value_info[:]
    for constant in model.graph.initializer:
        if constant.name == "features_shape":
            row = np.array([0, 2048], dtype=np.int64)  # 0 keeps the number of images
            constant.CopyFrom(onnx.numpy_helper.from_array(row, constant.name))
    onnx.save(model, out)
    return out


def with_onnxruntime(path: Path, images: np.ndarray) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: session.run([LAST], {FIRST: images})


def with_openvino(path: Path, images: np.ndarray) -> Run:
    import openvino

    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", options)
    return lambda: compiled([images])


def ways(graphs: dict[str, Path], images: np.ndarray) -> dict[str, tuple[Run, int]]:
    chosen = {
        f"onnxruntime, {name}, batch of {size}": (with_onnxruntime(path, images[:size]), size)
        for name, path in graphs.items()
        for size in BATCHES
    }
    try:
        for name, path in graphs.items():
            chosen[f"OpenVINO, {name}, batch of 1"] = (with_openvino(path, images[:1]), 1)
    except ModuleNotFoundError:
        print("OpenVINO is not installed, and left out")
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--quantized", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    shape = (max(BATCHES), 3, SIDE, SIDE)
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    artifacts = {"float32": args.artifact, "8-bit": args.quantized}
    with tempfile.TemporaryDirectory() as folder:
        graphs = {
            name: network(path / "model.onnx", Path(folder))
            for name, path in artifacts.items()
            if path
        }
        chosen = ways(graphs, images)
        times: dict[str, list[float]] = {name: [] for name in chosen}
        for run, _ in chosen.values():
            run()
        for _ in range(args.rounds):
            for name, (run, size) in chosen.items():
                start_time = time.process_time()
                run()
                times[name].append(1000 * (time.process_time() - start_time) / size)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(json.dumps({name: round(value, 1) for name, value in medians.items()}, indent=2))


if __name__ == "__main__":
    main()
