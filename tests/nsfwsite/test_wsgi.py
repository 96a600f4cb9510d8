"""What takes seconds to import is there before the first visitor needs it."""

import subprocess
import sys

PROGRAM = """
import gc, sys, threading
import nsfwsite.wsgi
assert "nsfwsite.demo.views" in sys.modules
assert "nsfwsite.api.urls" in sys.modules
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
for name in ("modeltrain.gate.judge", "statsmodels", "vl_convert"):
    assert name in sys.modules, name
assert "tensorflow" not in sys.modules
assert gc.get_freeze_count() > 100_000, gc.get_freeze_count()
"""


def test_views_load_at_once_and_statistics_in_a_thread_out_of_garbage_collection() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
