"""What a stranger's visit to a page costs in processor time, with and without sharing pages.

    PYTHONPATH=. .venv/bin/python bench/page_cost.py

Asks for pages of a site of its own, without a server around it, so that only the site's own work
is counted. Processor time, not the clock: other work on the machine changes little.
"""

import time

from django.test.utils import override_settings

from bench.overload import PAGES
from bench.temporary_site import temporary_site

ROUNDS, VISITS = 5, 20


def main() -> None:
    with temporary_site(), override_settings(ALLOWED_HOSTS=["testserver"]):
        for shared in (0, 1):
            with override_settings(SHARED_PAGE_SECONDS=shared):
                print(f"made anew at most once in {shared} s" if shared else "made anew each time")
                for page in PAGES:
                    print(f"  {page}: {milliseconds(page):.2f} ms", flush=True)


def milliseconds(page: str) -> float:
    """Processor time of one visit, the least of five rounds."""
    from django.test import Client

    client, rounds = Client(), []
    assert client.get(page).status_code == 200
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(VISITS):
            client.get(page)
        rounds.append((time.process_time() - start) / VISITS * 1000)
    return min(rounds)


if __name__ == "__main__":
    main()
