"""A process of the site starts without libraries that take a second or more to import."""

import json
import subprocess
import sys

SLOW = (
    *("cleanlab", "faiss", "keras", "scipy.stats", "sklearn", "statsmodels", "tensorflow"),
    *("onnxruntime", "vl_convert"),  # 20 MB of memory, and a JavaScript engine
)
PROGRAM = f"""
import json, sys
import django
django.setup()
import nsfwsite.urls, worker.tasks
print(json.dumps([name for name in {SLOW} if name in sys.modules]))
"""


def test_urls_and_tasks_load_no_slow_library() -> None:
    command = [sys.executable, "-c", PROGRAM]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(loaded) == []
