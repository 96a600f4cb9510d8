"""Every measurement that has a goal, against peers, in one run: `make bench`.

    PYTHONPATH=. .venv/bin/python bench/everything.py --minutes 25 --out var/bench/bench.json
    PYTHONPATH=. .venv/bin/python bench/everything.py --only import hashes --runs 3

Each measurement is a script of this folder in a process of its own. Peers are installed from
packages into environments of their own, in var/bench/peers; --peer NAME=PYTHON uses one that is
there already. What does not fit into the time, or fails, is left out and says why. The table at
the end has the median of all runs, their spread, and the goal; the JSON file has every figure, the
commands, and the peak memory of the largest process. docs/bench.md explains each.
"""

import argparse
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "var" / "bench"
PEERS = {"imagededup": "imagededup", "fairlearn": "fairlearn"}
NODE_TIMES, KERAS_TIMES = 10, 20
SIDES = (427, 640)

Figures = dict[str, float]


class NotMeasured(RuntimeError):
    """A measurement cannot be made here, or failed."""


@dataclass(frozen=True)
class Goal:
    """What a figure should be at least, or at most."""

    limit: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:,g}"

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


GOALS = {
    "one answer over HTTP / the model alone": Goal(1.3, at_least=False),
    "rate of four visitors / the model alone": Goal(0.85),
    "nsfwjs in Node / one answer over HTTP": Goal(8),
    "Keras predict / one answer over HTTP": Goal(3),
    "memory: inference process / the smaller peer": Goal(0.5, at_least=False),
    "import, images a second on a core": Goal(20),
    "hash join: imagededup's default / ours": Goal(10),
    "hash join: imagededup's BK-tree / ours": Goal(1000),
    "error rates by group: fairlearn / ours": Goal(200),
    "label errors: planted among the first": Goal(0.5),
    "slowest dashboard, 95th percentile in ms": Goal(200, at_least=False),
    "in Chromium, 8-bit: nsfwjs / ours": Goal(3),
    "in Chromium, float32: nsfwjs / ours": Goal(1.7),
    "in Chromium, opening until an answer: nsfwjs / ours": Goal(3),
}


@dataclass
class Result:
    """The runs of one measurement.

    Attributes
    ----------
    commands : list of str
        What ran, without what made the data.
    figures : dict of str to list of float
        By name, one value for each run.
    seconds : list of float
        How long each run took.
    peak_mb : float
        The most memory that the largest process of any run had.
    left_out : str
        Why there are no figures, if so.
    """

    commands: list[str] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    left_out: str = ""


class Bench:
    """Runs scripts, within one time limit, and remembers what each result needed."""

    def __init__(self, minutes: float, peers: dict[str, str]) -> None:
        self.deadline = time.monotonic() + 60 * minutes
        self.given_peers = peers
        self.result = Result()

    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def run(self, *command: str | Path) -> str:
        """Run a command of the current measurement; return what it prints."""
        words = [str(word) for word in command]
        shown = " ".join(word.replace(f"{ROOT}/", "") for word in words)
        if shown not in self.result.commands:
            self.result.commands.append(shown)
        if self.seconds_left() < 1:
            raise NotMeasured("no time was left")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                words,
                stdout=out,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,  # so that it ends with all that it started
            )
            try:
                status, usage = _wait(process, self.seconds_left())
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                raise
            self.result.peak_mb = max(self.result.peak_mb, usage.ru_maxrss * 1024 / 1e6)
            out.seek(0)
            errors.seek(0)
            if status:
                last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                raise NotMeasured(f"exit status {status}: {' '.join(last) or 'no message'}")
            return out.read().decode()

    def script(self, name: str, *arguments: str | Path) -> str:
        return self.run(sys.executable, ROOT / "bench" / name, *arguments)

    def peer(self, name: str) -> str:
        """The Python of a peer's own environment, which is made when it is first needed."""
        if name in self.given_peers:
            return self.given_peers[name]
        folder = WORK / "peers" / name
        python = folder / "bin" / "python"
        if not (folder / "installed").exists():
            uv = Path(sys.executable).parent / "uv"
            subprocess.run([uv, "venv", "--quiet", "--clear", folder], check=True)
            installed = subprocess.run(
                [uv, "pip", "install", "--quiet", "--python", python, PEERS[name]]
            )
            if installed.returncode:
                raise NotMeasured(f"{name} cannot be installed from its package")
            (folder / "installed").touch()
        return str(python)

    def artifact(self) -> Path:
        """The published model, converted once."""
        folder = WORK / "artifacts"
        if not list(folder.glob("[0-9a-f]*/MANIFEST.sha256")):
            command = [sys.executable, "-m", "modeltrain", "convert"]
            command += ["--package=node_modules/nsfwjs", f"--artifacts={folder}"]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return next(folder.glob("[0-9a-f]*"))


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[int, resource.struct_rusage]:
    """Wait for a process; return its exit status and what it used."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        time.sleep(0.05)
    raise NotMeasured("it did not end within the time that was left")


def way_of_an_image(bench: Bench) -> Figures:
    """One photograph from a visitor to an answer; then nsfwjs in Node, then Keras."""
    artifact = bench.artifact()
    site = json.loads(bench.script("end_to_end.py"))
    answer = site["over HTTP, ms"]
    figures = {
        "one answer over HTTP / the model alone": site["over HTTP / model alone"],
        "rate of four visitors / the model alone": site["share of the model's rate"],
        "the model alone, ms": site["model alone, ms"],
        "one answer over HTTP, ms": answer,
        "memory of an inference process, MB": site["memory of an inference process, MB"],
    }
    pixels = WORK / "pixels.rgb"
    np.random.default_rng(1).integers(0, 256, (*SIDES, 3), dtype=np.uint8).tofile(pixels)
    peers = {
        "nsfwjs in Node": ["node", "bench/peers/nsfwjs.cjs", pixels, *map(str, SIDES), NODE_TIMES],
        "Keras predict": [sys.executable, "bench/peers/keras_predict.py", artifact, KERAS_TIMES],
    }
    memory = []
    for name, command in peers.items():
        before, bench.result.peak_mb = bench.result.peak_mb, 0.0
        printed = bench.run(*map(str, command))
        times = json.loads(printed.splitlines()[-1])["milliseconds"]
        memory.append(bench.result.peak_mb)
        figures[f"{name}, ms"] = statistics.median(times)
        figures[f"{name}, MB"] = bench.result.peak_mb
        figures[f"{name} / one answer over HTTP"] = figures[f"{name}, ms"] / answer
        bench.result.peak_mb = max(before, bench.result.peak_mb)
    figures["memory: inference process / the smaller peer"] = figures[
        "memory of an inference process, MB"
    ] / min(memory)
    return figures


def importing(bench: Bench) -> Figures:
    """`import` of 300 JPEG files of about 100 kB."""
    verb = json.loads(bench.script("import_and_clean.py", "--files", "300"))["import"]
    return {
        "import, images a second on a core": verb["images_a_second_per_core"],
        "import, images a second": verb["images_a_second"],
        "import, peak MB": verb["peak_mb"],
    }


def hashes(bench: Bench) -> Figures:
    """The join of near-duplicates' hashes, against both searches of imagededup."""
    out = WORK / "hash-join.json"
    python = bench.peer("imagededup")
    bench.script("hash_join.py", "--imagededup-python", python, "--limit", "40", "--out", out)
    joined = json.loads(out.read_text())
    figures = {f"hash join of {run['hashes']:,}, s": run["seconds"] for run in joined["ours"]} | {
        "hash join, planted pairs missed": sum(run["missed"] for run in joined["ours"])
    }
    ours = {run["hashes"]: run["seconds"] for run in joined["ours"]}
    names = {"brute_force_cython": "default", "bktree": "BK-tree"}
    for search, runs in joined["imagededup"].items():
        if runs:
            ratio = runs[-1]["seconds"] / ours[runs[-1]["hashes"]]
            figures[f"hash join: imagededup's {names[search]} / ours"] = ratio
    return figures


def groups(bench: Bench) -> Figures:
    """Error rates with intervals in 40 groups, against fairlearn."""
    printed = bench.script("group_metrics.py", "--fairlearn-python", bench.peer("fairlearn"))
    measured = json.loads(printed)
    compared = measured["compared on"]
    return {
        "error rates by group: fairlearn / ours": compared["times as fast"],
        "error rates by group, answers compared on": compared["answers"],
        "error rates by group of 1,000,000 answers, s": measured["seconds"],
        "error rates by group, difference of intervals in widths": compared[
            "largest difference of ends, in widths"
        ],
    }


def labels(bench: Bench) -> Figures:
    """Planted wrong labels among the first of the ranked list."""
    out = WORK / "label-errors.json"
    arguments = ["--openmoji", "node_modules/openmoji", "--artifact", bench.artifact()]
    bench.script("label_errors.py", *arguments, "--cache", WORK / "features", "--out", out)
    ranked = json.loads(out.read_text())
    return {
        "label errors: planted among the first": statistics.median(run["share"] for run in ranked),
        "label errors, s": statistics.median(run["seconds"] for run in ranked),
    }


def dashboards(bench: Bench) -> Figures:
    """Every audit page, with a million answers in the database."""
    out = WORK / "dashboards.json"
    bench.script("dashboards.py", "--out", out)
    pages = json.loads(out.read_text())
    return {
        "slowest dashboard, 95th percentile in ms": max(page["p95"] for page in pages.values()),
        **{f"{name}, 95th percentile in ms": page["p95"] for name, page in pages.items()},
    }


def in_chromium(bench: Bench) -> Figures:
    """The demo page against nsfwjs on TensorFlow.js, in one browser."""
    out = WORK / "in-browser.json"
    arguments = ["--artifact", bench.artifact(), "--images", "10", "--openings", "3"]
    bench.script("in_browser.py", *arguments, "--out", out)
    measured = json.loads(out.read_text())
    faster = measured["times as fast as package"]
    return {
        "in Chromium, 8-bit: nsfwjs / ours": faster["int8"],
        "in Chromium, float32: nsfwjs / ours": faster["float32"],
        "in Chromium, opening until an answer: nsfwjs / ours": faster["opening"],
        **{f"in Chromium, {kind}, ms": value for kind, value in measured["median_ms"].items()},
    }


def gate(bench: Bench) -> Figures:
    """The whole gate on a million answers in 120 groups."""
    printed = bench.script("gate_speed.py")
    seconds = re.search(r"([\d.]+) s$", printed.strip())
    if not seconds:
        raise NotMeasured(f"the gate printed {printed!r}")
    return {"gate on 1,000,000 answers, s": float(seconds[1])}


# The shortest first: where time runs out, the fewest are left out.
MEASUREMENTS: dict[str, Callable[[Bench], Figures]] = {
    "import": importing,
    "way": way_of_an_image,
    "groups": groups,
    "hashes": hashes,
    "gate": gate,
    "labels": labels,
    "dashboards": dashboards,
    "browser": in_chromium,
}


def measure(bench: Bench, names: Sequence[str], runs: int) -> dict[str, Result]:
    results = {}
    for name in names:
        results[name] = bench.result = Result()
        for _ in range(runs):
            start_time = time.monotonic()
            try:
                figures = MEASUREMENTS[name](bench)
            except Exception as problem:  # whatever breaks, the others are measured
                bench.result.left_out = f"{type(problem).__name__}: {problem}"
                break
            bench.result.seconds.append(round(time.monotonic() - start_time, 1))
            for figure, value in figures.items():
                bench.result.figures.setdefault(figure, []).append(value)
        took = f"{sum(bench.result.seconds):.0f} s"
        print(f"{name}: {bench.result.left_out or took}", flush=True)
    return results


def table(results: dict[str, Result]) -> str:
    """The figures that have goals, and what was left out, as Markdown."""
    lines = ["| figure | goal | median | least to most | runs | met |", "|---|---|---|---|---|---|"]
    measured = {
        name: values for result in results.values() for name, values in result.figures.items()
    }
    for name, goal in GOALS.items():
        if values := measured.get(name):
            median = statistics.median(values)
            spread = f"{min(values):,.3g} to {max(values):,.3g}"
            met = "yes" if goal.is_met(median) else "no"
            lines.append(f"| {name} | {goal} | {median:,.3g} | {spread} | {len(values)} | {met} |")
    lines += [
        f"\n{name} was left out: {result.left_out}."
        for name, result in results.items()
        if result.left_out
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--runs", type=int, default=1, help="of each measurement")
    parser.add_argument("--only", nargs="*", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--out", type=Path, default=WORK / "bench.json")
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    bench = Bench(args.minutes, dict(pair.split("=", 1) for pair in args.peer))
    load_before = os.getloadavg()[0]
    results = measure(bench, args.only, args.runs)
    print(f"\n{table(results)}")
    machine = {"cores": os.cpu_count(), "load_before": load_before}
    figures = {name: asdict(result) for name, result in results.items()}
    args.out.write_text(json.dumps({"machine": machine, "measurements": figures}, indent=2) + "\n")
    print(
        f"\nEvery figure is in {args.out}. {os.cpu_count()} cores, load {load_before:.1f} before."
    )


if __name__ == "__main__":
    main()
