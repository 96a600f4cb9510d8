"""How long fairlearn takes for an error rate with intervals in each group.

    PYTHON_WITH_FAIRLEARN bench/peers/fairlearn_groups.py ANSWERS.npz RESAMPLES

Prints seconds, rates and the ends of the 95% intervals, by group.
"""

import json
import sys
import time

import numpy as np
from fairlearn.metrics import MetricFrame


def error(expected: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean(expected != predicted))


def main() -> None:
    answers = np.load(sys.argv[1])
    start_time = time.perf_counter()
    frame = MetricFrame(
        metrics=error,
        y_true=np.zeros(len(answers["errors"]), dtype=np.int64),
        y_pred=answers["errors"].astype(np.int64),
        sensitive_features=answers["groups"],
        n_boot=int(sys.argv[2]),
        ci_quantiles=[0.025, 0.975],
        random_state=1,
    )
    low, high = (ends.to_dict() for ends in frame.by_group_ci)
    seconds = time.perf_counter() - start_time
    rates = frame.by_group.to_dict()
    print(json.dumps({"seconds": seconds, "rates": rates, "low": low, "high": high}))


if __name__ == "__main__":
    main()
