"""One Chromium for all the tests that need one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "nsfwsite" / "static" / "build" / "site.js"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]


@pytest.fixture(scope="session")
def browser() -> Iterator["sync_api.Browser"]:
    assert CHROMIUM, "The browser tests need Chromium. Install it: apt-get install chromium"
    assert BUILT.is_file(), "The browser assets are not built. Build them: npm run build"
    # Playwright runs an event loop in this thread, and Django takes that for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()
