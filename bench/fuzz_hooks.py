"""What Schemathesis loads for bench/fuzz_api.py: real images in half of the uploads, and a log."""

import atexit
import io
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import schemathesis
from PIL import Image

answers: Counter[tuple[str, int]] = Counter()
choice = random.Random(1)


def image() -> bytes:
    """A small image, another one each time."""
    pixels = np.frombuffer(choice.randbytes(32 * 32 * 3), np.uint8).reshape(32, 32, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Random bytes are never an image, so no request would get further than that."""
    if not isinstance(body, dict) or choice.random() < 0.5:
        return body
    path = context.operation.path if context.operation else ""
    if path.endswith("/classifications/"):
        return {**body, "image": image()}
    if path.endswith("/reports/"):
        used = {"images": [image()], "expected_label": "drawings", "kind": "misclassified"}
        unused = ("classification", "wrong", "counterpart", "pair_groups", "evidence", "groups")
        return {name: value for name, value in body.items() if name not in unused} | used
    return body


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response
) -> None:
    answers[case.operation.label, response.status_code] += 1


@atexit.register
def write_answers() -> None:
    rows = [[operation, status, count] for (operation, status), count in answers.items()]
    Path(os.environ["FUZZ_ANSWERS"]).write_text(json.dumps(rows))
