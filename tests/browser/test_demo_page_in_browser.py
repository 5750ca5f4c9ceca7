"""The page of a real run, in a real browser."""

from __future__ import annotations


def test_the_demo_page_opens_without_an_error(demo, visit):
    page = visit((demo.run / "explorer.html").read_text(encoding="utf-8"))
    assert page.title()
    assert "contract" in page.locator("body").inner_text().lower()
