"""Kill a training at random times: it always finishes, and with the same model.

    PYTHONPATH=. .venv/bin/python bench/kill_training.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out kill.json

About ten minutes on two cores. A small stand-in is trained undisturbed, then again from an empty
cache, with ten kills (-9) at random moments: while reading, running frozen layers, in either phase,
or writing the artifact.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench import stand_in

KILLS = 10
CHANGES = ["head.epochs=6", "fine.epochs=3", "fine.batch=16", "copies=1"]


def command(args: argparse.Namespace, name: str) -> list[str]:
    folder = args.work / name
    return [
        sys.executable,
        *("-m", "modeltrain", "train", "article", "--json-progress"),
        f"--dataset={args.work / 'set'}",
        f"--start={args.artifact}",
        f"--cache={folder / 'cache'}",
        f"--artifacts={folder / 'artifacts'}",
        *(f"--set={change}" for change in CHANGES),
    ]


def run_training(args: argparse.Namespace, name: str) -> tuple[dict, float]:
    start_time = time.perf_counter()
    process = subprocess.run(command(args, name), check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start_time
    return json.loads(process.stdout.splitlines()[-1])["result"], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    stand_in.build(args.openmoji, args.work / "set", per_class=20)
    expected, seconds = run_training(args, "undisturbed")
    print(f"undisturbed: {expected['sha256'][:12]}, {seconds:.0f} s", flush=True)
    random_times = random.Random(args.seed)
    kills = []
    while len(kills) < KILLS:
        delay = random_times.uniform(2, seconds * 0.6)
        with subprocess.Popen(
            command(args, "killed"), stdout=subprocess.PIPE, text=True
        ) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().splitlines()
        if process.returncode != -signal.SIGKILL:  # it finished before the kill: start again
            shutil.rmtree(args.work / "killed")
            continue
        last = json.loads(lines[-1])["message"] if lines else "nothing yet"
        kills.append({"after": round(delay, 1), "last": last})
        print(f"killed after {delay:.0f} s, last message: {last}", flush=True)
    result, _ = run_training(args, "killed")
    same = result["sha256"] == expected["sha256"]
    verdict = "the same model" if same else "ANOTHER MODEL"
    print(f"finished: {result['sha256'][:12]}, {verdict}")
    print(json.dumps({"undisturbed": expected["phases"], "killed": result["phases"]}, indent=2))
    if args.out:
        report = {"same": same, "killed": kills, "expected": expected, "found": result}
        args.out.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
