"""Kill a training at random moments: it always finishes, and with the same model.

    PYTHONPATH=. .venv/bin/python bench/kill_training.py --openmoji node_modules/openmoji \
        --artifact var/artifacts/VERSION --work FOLDER --out kill.json

About ten minutes on two cores. A small stand-in is trained undisturbed, then again from an empty
cache, where the process gets kill -9 ten times, each time at a random moment of what it is doing:
reading, running frozen layers, either phase, writing the artifact.
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


def trained(args: argparse.Namespace, name: str) -> tuple[dict, float]:
    began = time.perf_counter()
    done = subprocess.run(command(args, name), check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["result"], time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("openmoji", "artifact", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    stand_in.build(args.openmoji, args.work / "set", per_class=20)
    expected, seconds = trained(args, "undisturbed")
    print(f"undisturbed: {expected['sha256'][:12]}, {seconds:.0f} s", flush=True)
    moments = random.Random(args.seed)
    killed = []
    while len(killed) < KILLS:
        after = moments.uniform(2, seconds * 0.6)
        with subprocess.Popen(command(args, "killed"), stdout=subprocess.PIPE, text=True) as run:
            time.sleep(after)
            run.send_signal(signal.SIGKILL)
            said = run.stdout.read().splitlines()
        if run.returncode != -signal.SIGKILL:  # it was done before: start anew
            shutil.rmtree(args.work / "killed")
            continue
        last = json.loads(said[-1])["message"] if said else "nothing yet"
        killed.append({"after": round(after, 1), "last": last})
        print(f"killed after {after:.0f} s, last said: {last}", flush=True)
    found, _ = trained(args, "killed")
    same = found["sha256"] == expected["sha256"]
    print(f"finished: {found['sha256'][:12]}, {'the same model' if same else 'ANOTHER MODEL'}")
    print(json.dumps({"undisturbed": expected["phases"], "killed": found["phases"]}, indent=2))
    if args.out:
        result = {"same": same, "killed": killed, "expected": expected, "found": found}
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
