"""Error rates with intervals in 40 groups: how much longer does fairlearn take?

    PYTHONPATH=. .venv/bin/python bench/group_metrics.py --fairlearn-python PATH

Ours runs on --answers answers. fairlearn draws them anew 100 times for its intervals, as its
documentation does. It runs on --first answers, and then on as many as it can manage in two minutes
at that speed; ours runs on as many. Every image is its own cluster, because fairlearn knows no
clusters. Rates must be the same, and the ends of intervals within three times the resampling error
of their own width.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from modeltrain.audit.fairness import rates_by_group

GROUPS, RESAMPLES, LIMIT_SECONDS = 40, 100, 120.0
PEER = Path(__file__).parent / "peers" / "fairlearn_groups.py"


def made_answers(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    groups = random.integers(0, GROUPS, count)
    errors = random.random(count) < 0.05 + 0.003 * groups
    return errors, groups


def time_ours(errors: np.ndarray, groups: np.ndarray) -> dict:
    values = [f"{group:02}" for group in groups]
    start_time = time.perf_counter()
    rates = rates_by_group(events=errors, values=values)
    return {"seconds": time.perf_counter() - start_time, "rates": rates}


def time_fairlearn(python: Path, errors: np.ndarray, groups: np.ndarray) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.npz"
        np.savez(path, errors=errors, groups=groups)
        completed = subprocess.run(
            [python, PEER, path, str(RESAMPLES)], check=True, capture_output=True, text=True
        )
    return json.loads(completed.stdout)


def largest_difference(ours: dict, peer: dict) -> float:
    """The largest difference between ends of intervals, in widths of the interval."""
    differences = []
    for name, rate in ours["rates"].items():
        group = str(int(name))
        assert abs(rate["rate"] - peer["rates"][group]) < 1e-9, name
        width = rate["high"] - rate["low"]
        differences += [abs(rate[end] - peer[end][group]) / width for end in ("low", "high")]
    return max(differences)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fairlearn-python", type=Path, required=True)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=20_000)
    args = parser.parse_args()
    errors, groups = made_answers(args.answers)
    figures = {"answers": args.answers, "seconds": time_ours(errors, groups)["seconds"]}
    count = args.first
    peer = time_fairlearn(args.fairlearn_python, errors[:count], groups[:count])
    manageable = min(args.answers, int(count * LIMIT_SECONDS / peer["seconds"]))
    if manageable > count:
        count = manageable
        peer = time_fairlearn(args.fairlearn_python, errors[:count], groups[:count])
    ours = time_ours(errors[:count], groups[:count])
    figures["compared on"] = {
        "answers": count,
        "seconds": ours["seconds"],
        "fairlearn, seconds": peer["seconds"],
        "times as fast": peer["seconds"] / ours["seconds"],
        "largest difference of ends, in widths": largest_difference(ours, peer),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
