"""Chromium, as people use it, on pages served by the tests' own site."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client
from playwright import sync_api

from nsfwsite.cross_origin_isolation import static_headers

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """axe.run({ resultTypes: ["violations"] })
    .then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))"""


class Visitor:
    """A person with a browser, and everything that its console complains about."""

    def __init__(self, context: "sync_api.BrowserContext", origin: str) -> None:
        self.context = context
        self.origin = origin
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: "sync_api.ConsoleMessage") -> None:
        expected = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(message.text)

    def open(self, path: str) -> "sync_api.Page":
        self.page.goto(self.origin + path)
        return self.page

    def change_screen(self, *, width: int, dark: bool) -> None:
        """Show the open page on another screen. Colours that fade would be measured half-way."""
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": 800})

    def barriers(self) -> list[str]:
        """The violations that axe finds. It is injected past the CSP, which rightly forbids it."""
        devtools = self.context.new_cdp_session(self.page)
        load = f"if (!window.axe) {{ {AXE.read_text()} }}"
        devtools.send("Runtime.evaluate", {"expression": load})
        command = {"expression": RUN_AXE, "awaitPromise": True, "returnByValue": True}
        violations: list[str] = devtools.send("Runtime.evaluate", command)["result"]["value"]
        return violations

    def look(self) -> None:
        """Keep pictures of the page, light and dark, in the folder SCREENSHOTS if it is named."""
        folder = os.environ.get("SCREENSHOTS")
        if not folder or self.page.viewport_size is None:
            return
        name = urlsplit(self.page.url).path.strip("/").replace("/", "-") or "home"
        width = self.page.viewport_size["width"]
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            path = Path(folder) / f"{name}-{width}-{scheme}.png"
            self.page.wait_for_timeout(300)  # colours fade
            self.page.screenshot(path=path, full_page=True)

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture(autouse=True)
def _isolated_files(monkeypatch) -> None:
    """The tests' server hands files out by itself; give them what whitenoise gives them."""
    serve = StaticFilesHandler.serve

    def isolated(handler, request):
        response = serve(handler, request)
        static_headers(response.headers, request.path, request.path)
        return response

    monkeypatch.setattr(StaticFilesHandler, "serve", isolated)


@pytest.fixture
def visit(browser, live_server, transactional_db) -> Iterator[Callable[..., Visitor]]:
    """A browser of one's own, signed in as `user` where one is given."""
    opened = []

    def make(user=None, *, width: int = 1280, scripts: bool = True, dark: bool = False) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        if user:
            client = Client()
            client.force_login(user)
            name = django_settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        opened.append(context)
        return Visitor(context, live_server.url)

    yield make
    for context in opened:
        context.close()
