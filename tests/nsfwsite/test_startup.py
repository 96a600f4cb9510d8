"""A process of the site starts without libraries that take a second or more to import."""

import json
import subprocess
import sys

SLOW = ("faiss", "keras", "scipy.stats", "sklearn", "statsmodels", "tensorflow", "vl_convert")
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
