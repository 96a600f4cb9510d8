import gc
import os
import threading

from django.core.wsgi import get_wsgi_application
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nsfwsite.settings")
application = get_wsgi_application()
reverse("home")  # loads every view now, not in the first visitor's time


def load_statistics() -> None:
    """Import what takes seconds before a page needs it, and keep the garbage collector off it.

    The collector visits every object now and then. The 200,000 objects of these libraries would
    cost a visitor a tenth of a second each time.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    import vl_convert  # noqa: F401

    import modeltrain.audit.operating_point
    import modeltrain.gate.judge  # noqa: F401

    gc.collect()
    gc.freeze()


threading.Thread(target=load_statistics, daemon=True).start()
