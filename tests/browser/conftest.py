"""A browser, and a server for the built site."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
NAMES = (os.environ.get("SEGKIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu"]  # root cannot start Chromium in a sandbox


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files without printing a line for each."""

    def log_message(self, *_):
        pass


class Watched:
    """A page that records what fails, or would fail without network.

    ``errors`` collects console errors, uncaught exceptions, missing files, and requests to any
    other host, which are refused.
    """

    def __init__(self, page, home):
        self.page, self.home, self.errors = page, home, []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("response", self._response)
        page.context.route("**/*", self._route)

    def _console(self, message):
        if message.type == "error":
            self.errors.append(f"console: {message.text}")

    def _response(self, response):
        if response.status >= 400:
            self.errors.append(f"{response.status}: {response.url}")

    def _route(self, route):
        if route.request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.errors.append(f"network: {route.request.url}")
            route.abort()

    def open(self, name):
        """Open a page of the site, its scripts and pictures loaded; return the page."""
        self.page.goto(self.home + name, wait_until="load")
        return self.page


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next((found for name in NAMES if name and (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium: run .ci/browser, or set SEGKIT_CHROMIUM")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=OPTIONS)
        yield chromium
        chromium.close()


def built(target):
    """Return the folder that a target of make built: $SEGKIT_<TARGET>, else the one in build."""
    folder = Path(os.environ.get(f"SEGKIT_{target.upper()}", CHECKOUT / "build" / target))
    if not (folder / "index.html").is_file():
        pytest.fail(f"there is no {folder / 'index.html'}: run make {target}")
    return folder


@pytest.fixture(scope="session")
def site():
    """Folder of the built site."""
    return built("site")


@pytest.fixture(scope="session")
def slides():
    """Folder of the built slides."""
    return built("slides")


@pytest.fixture(scope="session")
def home(site):
    """Address of the built site, on a free port."""
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def visit(browser, home):
    """Return a function that opens browser windows: ``visit(width=..., dark=...)``."""
    contexts = []

    def visit(*, width=1280, dark=False, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            **options,
        )
        contexts.append(context)
        return Watched(context.new_page(), home)

    yield visit
    for context in contexts:
        context.close()
