"""The page of a real run, in a real browser: every panel is opened, and what it counts is what the run's files count."""

from __future__ import annotations

from pathlib import Path

from page_reading import numbers, ready, texts
from whole_runs import pairs, rows

from wildgraph import status
from wildgraph.records import Pair
from wildgraph.taskgraph import read_graphs


def test_every_panel_of_the_demo_page(demo, visit):
    check_page(demo.run, visit, whole=True)


def check_page(run: Path, visit, *, whole: bool) -> None:
    """Click through the page of a run and compare it with the run's files; ``whole`` where every row has to be on it."""
    page = visit((run / "explorer.html").read_text(encoding="utf-8"))
    stages = status(run)["stages"]
    graphs = read_graphs(run / "graphs")
    accepted = pairs(run)
    (sampling,) = [folder for folder in (run / "samples").iterdir() if (folder / "gated.jsonl").is_file()]
    gated = [Pair.from_row(row) for row in rows(sampling / "gated.jsonl")]

    assert texts(page, ".stage-row h3") == [name for name in stages if name != "sample"]
    for text, entry in zip(texts(page, ".in-out"), [entry for name, entry in stages.items() if name != "sample"], strict=True):
        assert numbers(text)[:2] == [entry["out"], entry["in"]]
    assert numbers(texts(page, ".tile")[-1]) == [len(accepted), *([len(accepted) + len(gated)] if gated else [])]
    assert page.locator(".card").count() == len(graphs)

    for graph in graphs:
        page.locator("nav a[data-view=overview]").click()
        ready(page, "overview")
        page.locator(f".card[data-type='{graph.slug}']").click()
        ready(page, "graph")
        assert numbers(page.inner_text("#caption"))[1] == len(graph.nodes)
        assert page.locator("#list-body tr").count() == min(200, len(graph.nodes))
        page.locator("#list-body .label").first.click()
        page.wait_for_selector("#selection h2")

    page.locator("nav a[data-view=coverage]").click()
    ready(page, "coverage")
    for graph in graphs:
        own = [pair for pair in [*accepted, *gated] if pair.document_type in (graph.document_type, graph.name)]
        used = {step for pair in own for step in (*pair.path, *pair.attributes)}
        for field in {node.field for node in graph.nodes}:
            labels = [node for node in graph.nodes if node.field == field]
            touched = sum((field, node.concept) in used or (field, node.name) in used for node in labels)
            cell = page.locator(f"#heat tr[data-type='{graph.slug}'] button[data-field={field}]").inner_text()
            assert numbers(cell)[1:] == [touched, len(labels)]

    page.locator("nav a[data-view=samples]").click()
    ready(page, "samples")
    all_rows = len(accepted) + len(gated)
    shown = page.locator("#sample-list button").count()
    counted = numbers(page.inner_text("#sample-count"))  # rows with long documents do not all fit on a page, which then says so
    assert counted in ([all_rows], [counted[0], all_rows])
    assert shown == min(100, counted[0])
    assert not whole or counted == [all_rows]
    by_id = {pair.id: pair for pair in [*accepted, *gated]}
    for paradigm in sorted({pair.paradigm for pair in by_id.values()}):
        page.select_option("#sample-paradigm", paradigm)
        page.wait_for_selector(f"#sample-list button[aria-current] small bdi:last-child:text-is('{paradigm.replace('_', ' ')}')")
        ready(page, "samples")
        pair = by_id[page.locator("#sample-list [aria-current]").get_attribute("data-row")]
        assert page.locator("#sample h2[data-turn]").count() == len(pair.turns)
        assert page.locator("#sample .document").count() == len(pair.documents)
        assert page.locator("#sample .gates li").count() == len(pair.verdicts)
        assert page.locator("#sample .checkers li").count() == len(pair.checkers)
        assert page.locator("#sample .alternative").count() == min(4, len(pair.alternatives))
        quoted = {span.text for span in pair.evidence}
        assert {mark for mark in page.locator("#sample mark").all_text_contents() if mark not in quoted} == set()
