"""The page of a graph of 5,000 labels and 50,000 edges: layout, size, time until it is ready, frames and highlights in a real browser.

python benchmarks/explorer.py [LABELS EDGES]     (needs Playwright and Debian's Chromium)
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "explorer"), str(ROOT / "tests" / "browser")]

_FRAMES = """async ([one, other]) => {
  const canvas = document.getElementById("canvas");
  let frames = 0;
  const began = performance.now();
  await new Promise((done) => {
    const next = () => {
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key: frames++ % 20 < 10 ? one : other }));
      if (performance.now() - began < 3000) requestAnimationFrame(next);
      else done();
    };
    requestAnimationFrame(next);
  });
  return frames / 3;
}"""
_HIGHLIGHT = """async (place) => {
  const began = performance.now();
  document.querySelectorAll("#list-body .label")[place].click();
  while (document.body.dataset.ready !== "graph" || document.getElementById("selection").hidden)
    await new Promise((done) => setTimeout(done));
  await new Promise(requestAnimationFrame);
  const took = performance.now() - began;
  document.getElementById("selection-close").click();
  await new Promise((done) => setTimeout(done, 400));
  return took;
}"""


def main() -> None:
    """Print what was measured beside what is aimed at."""
    from conftest import FLAGS
    from playwright.sync_api import sync_playwright
    from synthetic_run import make_big_graph

    from wildgraph.explorer.page import PageData, render_page
    from wildgraph.explorer.picture import draw

    labels, edges = (int(number) for number in (sys.argv[1:3] if len(sys.argv) > 2 else ("5000", "50000")))
    graph = make_big_graph(labels, edges)
    started = time.process_time()
    draw(graph)
    show("layout", f"{time.process_time() - started:.1f} CPU s", "≤ 5")
    page = render_page(PageData(title="benchmark", graphs=[graph]))
    block = re.search(r'id="data-graph-[^>]*>([^<]*)<', page)
    show("graph on the page", f"{len(block[1]) / 1000 if block else 0:.0f} KB", "≤ 500")
    show("page", f"{len(page) / 1e6:.2f} MB", "≤ 8")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        view = browser.new_page(viewport={"width": 1440, "height": 900})
        view.goto(f"{file.as_uri()}#graph")
        view.wait_for_selector("body[data-ready]")
        show("ready", f"{view.evaluate('performance.now()') / 1000:.2f} s", "≤ 1")
        # A canvas of that size on which nothing is painted bounds what this machine's browser can do; they take turns.
        file.with_name("bare.html").write_text(re.sub(r"(?m)^  paint(Discs|Edges|Path|Nodes|Names)\(.*\);$", "", page), encoding="utf-8")
        bare = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True).new_page()
        bare.goto(f"{file.with_name('bare.html').as_uri()}#graph")
        bare.wait_for_selector("body[data-ready]")
        moves = {
            "pan": (view, ["ArrowLeft", "ArrowRight"]),
            "zoom": (view, ["+", "-"]),
            "nothing painted": (bare, ["ArrowLeft", "ArrowRight"]),
        }
        rates = {name: [] for name in moves}
        for _ in range(3):
            for name, (shown, keys) in moves.items():
                shown.bring_to_front()
                rates[name].append(shown.evaluate(_FRAMES, keys))
        for name, seen in rates.items():
            show(name, f"{sorted(seen)[1]:.0f} frames/s", "60")
        view.bring_to_front()
        took = sorted(view.evaluate(_HIGHLIGHT, place) for place in range(0, 45, 5))
        show("highlight", f"{took[len(took) // 2]:.0f} ms, {took[-1]:.0f} at most", "≤ 100")
        browser.close()
    print(f"load average {os.getloadavg()[0]:.0f}")


def show(what: str, seen: str, aim: str) -> None:
    """One line."""
    print(f"{what:<20}{seen:<24}aim {aim}")


if __name__ == "__main__":
    main()
