"""Two runs side by side, clicked through; what the page says is what Python counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic_run
from page_reading import PHONE, numbers, picture, ready, texts

from wildgraph.explorer.comparison import CHANGES, TypePair, type_pairs
from wildgraph.explorer.page import PageData, render_page
from wildgraph.explorer.payload import by_type
from wildgraph.explorer.picture import draw
from wildgraph.explorer.rows import accepted


@pytest.fixture(scope="module")
def runs(run: PageData) -> tuple[PageData, PageData]:
    there = synthetic_run.make_run(seed=3)
    return replace(run, graphs=run.graphs[:-1]), replace(there, graphs=there.graphs[2:], title="earlier run")


@pytest.fixture(scope="module")
def both(runs: tuple[PageData, PageData]) -> str:
    return render_page(runs[0], compare=runs[1])


@pytest.fixture(scope="module")
def pairs(runs: tuple[PageData, PageData]) -> dict[str, TypePair]:
    return {pair.key: pair for pair in type_pairs(by_type(runs[0]), runs[1], draw)}


def test_a_page_of_one_run_compares_nothing(html: str, visit):
    page = visit(html, "#compare")
    assert page.is_hidden("#compare-link")
    assert page.get_attribute("body", "data-ready") == "overview"


def test_both_runs_in_numbers(runs: tuple[PageData, PageData], pairs: dict[str, TypePair], both: str, visit):
    page = visit(both)
    page.click("#compare-link")
    ready(page, "compare")
    tiles = [numbers(text) for text in texts(page, "#compare-tiles strong")]
    assert tiles[:4] == [
        [len(run.graphs) for run in runs],
        [sum(graph.records for graph in run.graphs) for run in runs],
        [sum(len(graph.nodes) for graph in run.graphs) for run in runs],
        [sum(map(accepted, run.pairs)) for run in runs],
    ]
    assert page.locator("#compare-types tbody tr").count() == len(pairs)
    for key, pair in pairs.items():
        cells = page.locator(f"#compare-types tr[data-type={key}] td")
        graphs = pair.graphs
        assert numbers(cells.nth(0).inner_text())[:2] == [graph.records if graph else 0 for graph in graphs]
        assert numbers(cells.nth(1).inner_text())[:2] == [len(graph.nodes) if graph else 0 for graph in graphs]
        assert numbers(cells.nth(2).inner_text())[:2] == [len(graph.edges) if graph else 0 for graph in graphs]
        changes = [pair.changes.count(number) for number in range(5)]
        assert numbers(cells.nth(3).locator("[role=img]").get_attribute("aria-label")) == changes
    for stage in runs[0].funnel:
        cells = page.locator(f"#compare-funnel tr[data-stage='{stage.stage}'] td").all_inner_texts()
        other = next(one for one in runs[1].funnel if one.stage == stage.stage)
        assert numbers(cells[0])[:2] == [stage.passed, stage.entered]
        assert numbers(cells[1])[:2] == [other.passed, other.entered]


def test_one_type_in_both_runs(pairs: dict[str, TypePair], both: str, visit):
    page = visit(both, "#compare")
    page.locator("#compare-types tr[data-type=patent] .open-type").click()
    page.wait_for_selector("#compare-bench:visible")
    ready(page, "compare")
    pair = pairs["patent"]
    nodes = pair.union.graph.nodes
    assert numbers(page.inner_text("#change-count")) == [len(nodes), len(nodes)]
    counts = [int(text) for text in texts(page, "#kinds .count")]
    assert counts == [pair.changes.count(number) for number in range(5)]
    before = picture(page)
    page.locator("#kinds [data-kind='2'] input").uncheck()
    page.wait_for_selector(f"#change-count:has-text('{len(nodes) - counts[2]} of')")
    assert picture(page) != before
    page.locator("#kinds [data-kind='2'] input").check()
    page.wait_for_selector(f"#change-count:has-text('{len(nodes)} of')")
    totals = [graph.records for graph in pair.graphs]
    apart = [abs(here / totals[0] - there / totals[1]) for here, there in zip(*pair.union.records, strict=True)]
    order = sorted(range(len(nodes)), key=lambda number: (-apart[number], number))
    assert texts(page, "#change-body .label bdi")[:10] == [nodes[number].name for number in order[:10]]
    number = order[0]
    page.locator("#change-body .label").first.click()
    page.wait_for_selector("#change-selection h2")
    assert page.inner_text("#change-selection h2") == nodes[number].name
    assert CHANGES[pair.changes[number]] in page.inner_text("#change-selection")
    cells = [numbers(text) for text in texts(page, "#change-selection .sides td")]
    assert cells[:2] == [[pair.union.records[side][number]] for side in range(2)]
    use = [
        kind.use[0][place] if place >= 0 else 0
        for kind, place in zip((pair.here, pair.there), (p[number] for p in pair.union.places), strict=True)
    ]
    assert cells[4:6] == [[count] for count in use]
    page.fill("#compare-find", nodes[order[1]].name)
    page.wait_for_selector("#change-list:visible")
    page.wait_for_selector(f"#change-body bdi:text('{nodes[order[1]].name}')")
    page.click("#compare-back")
    page.wait_for_selector("#compare-summary:visible")


def test_a_label_of_the_comparison_opens_in_the_graph_and_the_picture_comes_back(pairs: dict[str, TypePair], both: str, visit):
    page = visit(both, "#compare?type=patent")
    shared = next(number for number, kind in enumerate(pairs["patent"].changes) if kind == 2)
    label = pairs["patent"].union.graph.nodes[shared]
    page.locator(f"#change-body [data-node='{label.concept}']").click()
    page.wait_for_selector("#change-open")
    page.click("#change-open")
    ready(page, "graph")
    assert page.inner_text("#selection h2") == label.name
    assert page.locator("#view-graph #canvas").count() == 1
    page.go_back()
    ready(page, "compare")
    assert page.locator("#view-compare #canvas").is_visible()
    assert page.inner_text("#change-selection h2") == label.name


def test_a_type_of_one_run_alone(runs: tuple[PageData, PageData], pairs: dict[str, TypePair], both: str, visit):
    for key, pair in pairs.items():
        if None in pair.graphs:
            page = visit(both, f"#compare?type={key}")
            counts = [int(text) for text in texts(page, "#kinds .count")]
            assert counts[1:4] == [0, 0, 0]
            assert sum(counts) == len(pair.union.graph.nodes)


@pytest.mark.parametrize("settings", [{}, PHONE, {"color_scheme": "dark"}, {**PHONE, "color_scheme": "dark"}])
def test_nothing_is_wider_than_the_screen(settings: dict, both: str, visit):
    for at in ["#compare", "#compare?type=patent", "#compare?type=patent&kinds=0.4&find=e", "#compare?type=gone&kinds=99&node=x"]:
        page = visit(both, at, **settings)
        assert page.get_attribute("body", "data-ready") == "compare"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
