"""One image file through both decoders: the server's caged child and the page's own module."""

import base64
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.images import codec
from modeltrain.images.decoder import DecodeError, Limits

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "nsfwsite" / "static" / "src" / "pixels.js"
BATCH = 50
TOLERANCE = 1  # of 255

DECODE = """async ([files, limits]) => {
  const answers = [];
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    try {
      const { rgb, width, height } = await pixels.decodePixels(new Blob([bytes]), limits);
      let text = "";
      for (let at = 0; at < rgb.length; at += 32768) {
        text += String.fromCharCode(...rgb.subarray(at, at + 32768));
      }
      answers.push({ rgb: btoa(text), width, height });
    } catch (problem) {
      const { rule = String(problem), received = "", isReadBySite = false } = problem;
      answers.push({ rule, received, isReadBySite });
    }
  }
  return answers;
}"""


@dataclass(frozen=True)
class Refusal:
    """Why a decoder did not take a file."""

    rule: str
    received: str
    is_read_by_site: bool = False


Answer = NDArray[np.uint8] | Refusal


def server_decode(data: bytes) -> Answer:
    try:
        return codec.decode_in_child(data)
    except DecodeError as error:
        return Refusal(error.rule, error.received)


@dataclass(frozen=True)
class BrowserDecoder:
    """The module that the demo's page decodes with, in a page of Chromium."""

    page: Any

    def decode(self, files: Sequence[bytes]) -> Iterator[Answer]:
        """Decode files in batches, in their order."""
        limits = Limits()
        named = {
            "bytes": limits.max_bytes,
            "pixels": limits.max_pixels,
            "webpPixels": limits.max_webp_pixels,
            "keptPixels": limits.kept_pixels,
            "side": limits.max_side,
        }
        for start in range(0, len(files), BATCH):
            batch = [base64.b64encode(data).decode() for data in files[start : start + BATCH]]
            for answer in self.page.evaluate(DECODE, [batch, named]):
                if "rule" in answer:
                    yield Refusal(answer["rule"], answer["received"], answer["isReadBySite"])
                    continue
                pixels = np.frombuffer(base64.b64decode(answer["rgb"]), np.uint8)
                yield pixels.reshape(answer["height"], answer["width"], 3)


@contextmanager
def browser_decoder() -> Iterator[BrowserDecoder]:
    from playwright.sync_api import sync_playwright

    from tests.chromium import ARGUMENTS, CHROMIUM

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield decoder_in(chromium.new_page())
        chromium.close()


def decoder_in(page: Any) -> BrowserDecoder:
    """Load the module into a page that is empty."""
    page.set_default_timeout(300_000)
    page.add_script_tag(content=bundle())
    return BrowserDecoder(page)


def bundle() -> str:
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=iife", "--global-name=pixels"]
    command = [str(esbuild), str(MODULE), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def distance(server: NDArray[np.uint8], browser: NDArray[np.uint8]) -> int:
    """The largest difference of any channel of any pixel."""
    return int(np.abs(server.astype(np.int16) - browser).max())


def disagreement(server: Answer, browser: Answer) -> str:
    """What two answers differ in; an empty text where they agree.

    They also agree where the browser leaves the file to the server.
    """
    if isinstance(browser, Refusal) and browser.is_read_by_site:
        return ""
    if isinstance(server, Refusal) and isinstance(browser, Refusal):
        return "" if server.rule == browser.rule else "other rules"
    if isinstance(server, Refusal) or isinstance(browser, Refusal):
        return "one refuses"
    if server.shape != browser.shape:
        return "other sizes"
    largest = distance(server, browser)
    return f"{largest} of 255" if largest > TOLERANCE else ""
