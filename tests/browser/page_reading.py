"""What the browser tests read from a page."""

from __future__ import annotations

import re

from wildgraph.explorer.page import PageData
from wildgraph.explorer.payload import TypeData, by_type

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def kind_of(run: PageData, key: str) -> TypeData:
    return next(kind for kind in by_type(run) if kind.key == key)


def numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


def ready(page, view: str):
    page.wait_for_selector(f"body[data-ready={view}]")
    return page


def picture(page) -> str:
    """What is painted, once the picture has come to rest and no pointer or focus marks it."""
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_selector("#canvas:not([data-moving])")
    return page.evaluate("document.getElementById('canvas').toDataURL()")


def texts(page, selector: str) -> list[str]:
    return page.locator(selector).all_inner_texts()
