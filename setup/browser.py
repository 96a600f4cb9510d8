"""Find Chromium for the tests, or install the distribution's where we may."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import always, fail

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REMEDY = "Install it: apt-get install chromium"


def find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if find():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        fail("The browser tests need Chromium.", "none on PATH", f"{REMEDY} (as root)")
    always("Chromium, from the distribution", apt_install)
    if not find():
        fail("The browser tests need Chromium.", "none after apt-get", REMEDY)


def apt_install() -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        done = subprocess.run(["apt-get", *command], env=quiet, stdout=subprocess.DEVNULL)
        if done.returncode:
            fail("Chromium comes from apt-get.", f"exit code {done.returncode}", REMEDY)


if __name__ == "__main__":
    main()
