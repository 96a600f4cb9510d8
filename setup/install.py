"""Install what the project needs beside the system's Python, Node and make.

Usage: python3 setup/install.py run|dev. Only the standard library is here: nothing else exists yet.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT, contents, digest, fail, step

VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
LOCK = ROOT / "package-lock.json"
BUILD = ROOT / "nsfwsite" / "static" / "build"


def main(kind: str) -> None:
    check_python()
    check_node()
    step("Virtual environment", make_venv, stamp=VENV / ".made", key=sys.version)
    install_packages(kind)
    install_browser_packages(kind)
    sources = contents((ROOT / "nsfwsite" / "static").glob("[!b]*/**/*"))
    builder = digest(LOCK, ROOT / "nsfwsite" / "static" / "build.mjs")
    step(
        "Browser assets",
        lambda: run("npm", "run", "--silent", "build"),
        stamp=BUILD / ".built",
        key=sources + builder,
    )


def check_python() -> None:
    if sys.version_info < (3, 11):
        fail(
            "SpeakUp needs Python 3.11 or newer.",
            sys.version.split()[0],
            "Install one, and name it: make run PYTHON=python3.11",
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        fail(
            "A virtual environment needs the module ensurepip.",
            "none",
            "Install it: apt-get install python3-venv",
        )


def check_node() -> None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        fail("SpeakUp needs Node 20 and npm.", "none on PATH", "Install Node.js 20 or newer.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < 20:
        fail("SpeakUp needs Node 20.", version.stdout.strip(), "Install Node.js 20 or newer.")


def make_venv() -> None:
    venv.create(VENV, clear=True, with_pip=True)


def install_packages(kind: str) -> None:
    """The packages to run are a part of those to develop: installing both changes nothing."""
    dev, only_run = (REQUIREMENTS / "dev.txt", REQUIREMENTS / "run.txt")
    stamp = VENV / ".packages-dev"
    if kind == "run" and not (stamp.is_file() and stamp.read_text() == digest(dev)):
        dev, stamp = only_run, VENV / ".packages-run"
    step(
        "Python packages (TensorFlow is large; this is the longest download)",
        lambda: install(dev),
        stamp=stamp,
        key=digest(dev),
    )


def install(requirements: Path) -> None:
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt"))
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", python]
    run(*uv, "--require-hashes", "-r", str(requirements))


def install_browser_packages(kind: str) -> None:
    """As with Python's: who has those to develop has those to run."""
    stamp = ROOT / "node_modules" / ".installed"
    keys = {which: f"{digest(LOCK)} {which}" for which in ("run", "dev")}
    if kind == "run" and stamp.is_file() and stamp.read_text() == keys["dev"]:
        return
    omit = ["--omit=dev"] if kind == "run" else []
    step(
        "Browser packages",
        lambda: run("npm", "ci", "--ignore-scripts", "--no-progress", *omit),
        stamp=stamp,
        key=keys[kind],
    )


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode:
        fail(
            "Every step of the set-up must succeed.",
            f"exit code {done.returncode} from: {' '.join(command)}",
            "See its message above; run the same make command again to go on from here.",
        )


if __name__ == "__main__":
    main(sys.argv[1])
