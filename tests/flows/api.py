"""A client of the API."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.flows.conftest import Site


def wait_until(condition: Callable[[], Any], seconds: float) -> None:
    """Poll until the condition holds, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not done in {seconds} s"
        time.sleep(0.3)


class Api:
    def __init__(self, site: Site) -> None:
        self.base = f"{site.url}/api/v1/"
        self.secret = {"Authorization": f"Token {site.maintainer['token']}"}

    def get(self, path: str) -> dict[str, Any]:
        return self._checked(requests.get(self.base + path, headers=self.secret, timeout=60))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = requests.post(self.base + path, json=body, headers=self.secret, timeout=60)
        return self._checked(response)

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        response = requests.post(self.base + path, json=body, headers=self.secret, timeout=60)
        return response.status_code, response.json()["detail"]

    def classify(self, picture: Path) -> dict[str, Any]:
        with picture.open("rb") as file:
            response = requests.post(
                self.base + "classifications/",
                files={"image": file},
                headers={"Prefer": "wait=30"},
                timeout=60,
            )
        return self._checked(response)

    def report(self, picture: Path, **fields: Any) -> str:
        form = {
            "expected_label": "drawings",
            "groups": json.dumps({"medium": "vector"}),
            "consent_store": "true",
            "consent_train": "true",
            **fields,
        }
        with picture.open("rb") as file:
            response = requests.post(
                self.base + "reports/", data=form, files={"images": file}, timeout=60
            )
        return str(self._checked(response)["receipt"])

    def wait(self, path: str, done: Any, seconds: float = 480) -> dict[str, Any]:
        """Poll until `done` accepts the answer, for at most `seconds`."""
        answers: list[dict[str, Any]] = []

        def poll() -> Any:
            answers.append(self.get(path))
            return done(answers[-1])

        wait_until(poll, seconds)
        return answers[-1]

    def _checked(self, response: requests.Response) -> dict[str, Any]:
        assert response.status_code < 400, response.text
        return dict(response.json())
