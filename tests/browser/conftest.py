"""A real, headless Chromium that fails the test on any console error and on any request."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "explorer"))  # the made-up run

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def _absent(why: str) -> None:
    """A skip that is loud, and a failure where tests must not be skipped."""
    message = f"BROWSER TESTS DID NOT RUN: {why}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(message)
    sys.stderr.write(f"\n*** {message} ***\n")
    pytest.skip(message)


@pytest.fixture(scope="session")
def run() -> object:
    import synthetic_run

    return synthetic_run.make_run()


@pytest.fixture(scope="session")
def html(run: object) -> str:
    from wildgraph.explorer.page import render_page

    return render_page(run)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        _absent("no Chromium is installed (Debian: apt install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _absent("playwright is not installed (pip install -e '.[dev]')")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Opens HTML text from a file, or an address, in a fresh context; afterwards there must have been no error and no other request.

    A file may ask for nothing but itself, a served page for what lies below its own address.
    """
    trouble: list[str] = []
    contexts = []

    def open_page(html: str, at: str = "", **settings: object):
        address = html if html.startswith("http://127.0.0.1:") else _file(tmp_path / f"page-{len(contexts)}.html", html)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
        page.on(
            "request", lambda request: None if request.url.startswith((address, "data:")) else trouble.append(f"request: {request.url}")
        )
        page.goto(address + at)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def _file(file: Path, html: str) -> str:
    file.write_text(html, encoding="utf-8")
    return file.as_uri()
