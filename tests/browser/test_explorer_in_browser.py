"""Clicks through every panel of the explorer and compares what it says with what Python counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import synthetic_run
from page_reading import PHONE, kind_of, numbers, picture, ready, texts

from wildgraph.explorer.page import PageData, render_page
from wildgraph.explorer.payload import by_type
from wildgraph.explorer.rows import accepted, choose


def test_the_overview_counts_what_python_counts(run: PageData, html: str, visit):
    page = visit(html)
    assert page.get_attribute("body", "data-ready") == "overview"
    graphs = [kind.graph for kind in by_type(run)]
    values = [number for text in texts(page, ".tile strong") for number in numbers(text)]
    assert values == [
        run.funnel[0].entered,
        sum(graph.records for graph in graphs),
        len(graphs),
        sum(len(graph.nodes) for graph in graphs),
        sum(map(accepted, run.pairs)),
    ]
    assert texts(page, ".stage-row h3") == [stage.stage for stage in run.funnel]
    for text, stage in zip(texts(page, ".in-out"), run.funnel, strict=True):
        assert numbers(text) == [stage.passed, stage.entered, int(100 * stage.passed / stage.entered + 0.5)]
    for row, stage in zip(page.locator(".stage-row").all(), run.funnel, strict=True):
        shown = [numbers(text)[-1] for text in row.locator(".drops li").all_inner_texts()]
        assert sorted(shown) == sorted(count for reasons in stage.rejected.values() for count in reasons.values() if count)
    cards = page.locator(".card").all()
    for card, kind in zip(cards, by_type(run), strict=True):
        assert card.locator("strong").inner_text() == kind.name
        first, last = card.locator(".figures-line").all_inner_texts()
        assert numbers(first) == [kind.graph.records, len(kind.graph.nodes), len(kind.graph.edges)]
        assert numbers(last)[1:] == [sum(map(accepted, kind.pairs)), len(kind.pairs)]
    lengths = page.locator("figure").nth(1).locator(".count").all_inner_texts()
    assert sum(number for text in lengths for number in numbers(text)) == len(run.pairs)
    assert texts(page, "#about dd") == list(run.about.values())
    page.locator(".card[data-type=research-paper]").click()
    ready(page, "graph")
    assert page.locator("#type").input_value() == "research-paper"


def test_the_list_is_the_pictures_equal(run: PageData, html: str, visit):
    page = visit(html, "#graph?type=commercial-contract")
    kind = kind_of(run, "commercial-contract")
    graph, picture = kind.graph, kind.picture
    rows = page.locator("#list-body tr").all()
    assert len(rows) == len(graph.nodes)
    order = sorted(range(len(graph.nodes)), key=lambda node: (-graph.nodes[node].records, node))
    used, good = kind.use
    for row, node in list(zip(rows, order, strict=True))[:20]:
        cells = row.locator("td").all_inner_texts()
        assert graph.nodes[node].name in cells[0]
        rate = f"{int(100 * good[node] / used[node] + 0.5)} %" if used[node] else "–"
        assert cells[1:] == [str(graph.nodes[node].records), str(used[node]), rate]
    assert [chip.get_attribute("data-node") for chip in page.locator(".chip").all()] == [
        graph.nodes[node].concept for node in picture.chips
    ]
    drawn = len(graph.nodes) - len(picture.chips)
    tied = sum(not island.loose for island in picture.islands)
    assert numbers(page.inner_text("#caption"))[:6] == [drawn, len(graph.nodes), len(picture.backbone), len(graph.edges), 3, tied]
    for field, count in zip(page.locator(".field").all(), texts(page, ".field .count"), strict=True):
        name = field.get_attribute("data-field")
        assert int(count) == sum(node.field == name for node in graph.nodes)


def test_filters_search_and_sorting(run: PageData, html: str, visit):
    page = visit(html, "#graph?type=commercial-contract")
    graph = kind_of(run, "commercial-contract").graph
    page.locator(".field[data-field=task] input").uncheck()
    ready(page, "graph")
    assert numbers(page.inner_text("#list-count")) == [sum(node.field != "task" for node in graph.nodes), len(graph.nodes)]
    page.click("#fields-none")
    ready(page, "graph")
    assert page.locator("#list-body tr").count() == 0
    page.click("#fields-all")
    ready(page, "graph")
    slider = page.locator("#support")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#support-value:text('5 users')")
    ready(page, "graph")
    assert numbers(page.inner_text("#list-count"))[0] == sum(node.support >= 5 for node in graph.nodes)
    page.keyboard.press("Home")
    page.wait_for_selector("#support-value:text('3 users')")
    page.fill("#find", "CLAUSE")
    expected = sorted(node.name for node in graph.nodes if "clause" in node.name.lower())
    page.wait_for_selector(f"#list-count:text('{len(expected)} of')")
    assert sorted(text.splitlines()[0].strip() for text in texts(page, "#list-body .label")) == expected
    page.click("#list-head th:first-child button")
    ready(page, "graph")
    names = texts(page, "#list-body .label bdi")
    assert names == sorted(names)


def test_a_label_its_company_its_paths_and_a_row(run: PageData, html: str, visit):
    page = visit(html, "#graph?type=commercial-contract")
    kind = kind_of(run, "commercial-contract")
    graph = kind.graph
    node = max(range(len(graph.nodes)), key=lambda number: (graph.nodes[number].field == "task", kind.use[0][number]))
    page.locator(f'#list-body [data-node="{graph.nodes[node].concept}"]').click()
    ready(page, "graph")
    assert page.inner_text("#selection h2") == graph.nodes[node].name
    facts = texts(page, "#selection .facts dd")
    assert numbers(facts[0])[:2] == [graph.nodes[node].records, graph.records]
    assert numbers(facts[1]) == [graph.nodes[node].support]
    assert numbers(facts[2]) == [kind.use[0][node]]
    assert numbers(facts[3])[0] == kind.use[1][node]

    lifts = []
    for edge in graph.edges:
        if node in (edge.source, edge.target) and edge.frequency >= graph.min_support:
            other = edge.target if edge.source == node else edge.source
            lift = edge.frequency * graph.records / (graph.nodes[node].records * graph.nodes[other].records)
            if lift > 1:
                lifts.append((-lift, -edge.frequency, other))
    lifts.sort()
    page.get_by_role("button", name=f"All {min(30, len(lifts))}", exact=True).click()
    company = page.locator("#company tbody tr").all()
    assert len(company) == min(30, len(lifts))
    for row, (lift, frequency, other) in zip(company, lifts, strict=False):
        cells = row.locator("td").all_inner_texts()
        assert graph.nodes[other].name in cells[0]
        assert cells[1] == str(-frequency)
        assert abs(float(cells[2][1:]) + lift) < 0.0501

    through = [pair for pair in kind.pairs if ("task", graph.nodes[node].concept) in pair.path]
    assert numbers(page.inner_text("#path-place")) == [len(through)]
    page.get_by_role("button", name="Next path").click()
    page.wait_for_selector(f"#path-place:text('1 of {len(through)}')")
    through.sort(key=lambda pair: (pair.index, pair.id))
    names = {(label.field, label.concept): label.name for label in graph.nodes}
    assert texts(page, "#walker .steps bdi") == [names[step] for step in through[0].path]
    page.get_by_role("button", name="Previous path").click()
    page.wait_for_selector(f"#path-place:text('{len(through)} of {len(through)}')")
    assert "path=" in page.url

    page.locator("#selection .example button").first.click()
    ready(page, "samples")
    shown = next(pair for pair in through if pair.id in page.url)
    assert shown.instruction in texts(page, "#sample .text")[0]
    page.go_back()
    ready(page, "graph")
    assert page.inner_text("#selection h2") == graph.nodes[node].name
    page.click("#selection-close")
    ready(page, "graph")
    assert page.is_visible("#label-list")


def test_the_canvas_picks_pans_zooms_and_obeys_keys(run: PageData, html: str, visit):
    page = visit(html, "#graph?type=meeting-transcript")
    canvas = page.locator("#canvas")
    box = canvas.bounding_box()

    rested = picture(page)
    canvas.press("ArrowRight")
    moved = picture(page)
    canvas.press("+")
    zoomed = picture(page)
    assert len({rested, moved, zoomed}) == 3
    canvas.press("0")
    assert picture(page) == rested
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=4)
    page.mouse.up()
    assert picture(page) != rested
    page.click("#zoom-fit")
    assert picture(page) == rested
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, -300)
    assert picture(page) != rested
    page.click("#zoom-fit")
    page.wait_for_selector("#canvas:not([data-moving])")
    picked = ""
    for right in range(40, int(box["width"]) - 80, 14):  # somewhere on this line lies a label
        page.mouse.click(box["x"] + right, box["y"] + box["height"] * 0.45)
        ready(page, "graph")
        if page.is_visible("#selection") and "with=" not in page.url:  # a line between two labels can be picked too
            picked = page.inner_text("#selection h2")
            break
    assert picked in {node.name for node in kind_of(run, "meeting-transcript").graph.nodes}
    page.focus("#canvas")
    page.keyboard.press("Escape")
    ready(page, "graph")
    assert page.is_hidden("#selection")


@pytest.mark.parametrize("colour", ["coverage", "acceptance"])
def test_colours_have_a_legend(colour: str, html: str, visit):
    page = visit(html, "#graph?type=commercial-contract")
    before = picture(page)
    page.locator(f"#colours input[value={colour}]").check(force=True)
    page.wait_for_selector("#legend .swatches li")
    ready(page, "graph")
    assert picture(page) != before
    assert f"colour={colour}" in page.url


def test_coverage_numbers_and_the_way_into_the_graph(run: PageData, html: str, visit):
    page = visit(html, "#coverage")
    for kind in by_type(run):
        used, _ = kind.use
        for field in {node.field for node in kind.graph.nodes}:
            labels = [times for node, times in zip(kind.graph.nodes, used, strict=True) if node.field == field]
            touched = sum(times > 0 for times in labels)
            text = page.locator(f"tr[data-type={kind.key}] button[data-field={field}]").inner_text()
            assert numbers(text) == [int(100 * touched / len(labels) + 0.5), touched, len(labels)]
    page.locator("tr[data-type=patent] button[data-field=task]").click()
    ready(page, "graph")
    graph = kind_of(run, "patent").graph
    assert numbers(page.inner_text("#list-count"))[0] == sum(node.field == "task" for node in graph.nodes)
    assert "colour=coverage" in page.url


def test_samples_filters_and_a_row_in_full(run: PageData, html: str, visit):
    page = visit(html, "#samples")
    chosen = [pair for kind in by_type(run) for pair in choose(kind.pairs, 40)]
    assert numbers(page.inner_text("#sample-count")) == [len(chosen), len(run.pairs)]
    page.select_option("#sample-outcome", "rejected")
    rejected = [pair for pair in chosen if not accepted(pair)]
    page.wait_for_selector(f"#sample-count:text('{len(rejected)} of')")
    assert page.locator("#sample-list button").count() == min(100, len(rejected))
    assert page.locator("#sample .gates .fail").count() == 1
    page.select_option("#sample-type", "research-paper")
    own = [pair for pair in choose(kind_of(run, "research-paper").pairs, 40) if not accepted(pair)]
    page.wait_for_selector(f"#sample-count:text('{len(own)} of')")
    page.select_option("#sample-outcome", "")
    page.fill("#sample-find", "journal")
    page.wait_for_selector("#sample-count:text(' of 40')")
    pair = next(
        pair for pair in choose(kind_of(run, "research-paper").pairs, 40) if "journal" in (pair.instruction + pair.response).lower()
    )
    page.locator(f'[data-row="{pair.id}"]').click()
    ready(page, "samples")
    assert texts(page, "#sample .text") == [pair.instruction, pair.response]
    marks = page.locator("#sample mark").all_text_contents()
    assert {span.text for span in pair.evidence} == set(marks)
    assert len(texts(page, "#sample .document h3")) == len(pair.documents)
    assert len(texts(page, "#sample .gates li")) == len(pair.verdicts)
    page.locator("#sample .steps button").first.click()
    ready(page, "graph")
    names = {(node.field, node.concept): node.name for node in kind_of(run, "research-paper").graph.nodes}
    assert page.inner_text("#selection h2") == names[pair.path[0]]


def test_a_copied_address_opens_the_same_view_and_nonsense_does_no_harm(run: PageData, html: str, visit):
    address = "#graph?type=patent&support=4&colour=coverage&find=e"
    page = visit(html, address)
    assert page.locator("#find").input_value() == "e"
    assert page.locator("#type").input_value() == "patent"
    for strange in [
        "#nowhere?type=%00",
        "#graph?type=gone&node=gone&path=99&fields=77&support=-3",
        "#samples?row=%E0%A4%A&type=__proto__",
        "#graph?fields=.",
    ]:
        other = visit(html, strange)
        assert other.locator("main > section:visible").count() == 1


def test_keyboard_alone_reaches_every_view(html: str, visit):
    page = visit(html)
    for view in ["graph", "coverage", "samples", "overview"]:
        page.focus(f"nav a[data-view={view}]")
        page.keyboard.press("Enter")
        ready(page, view)
        assert page.locator("nav a[aria-current]").inner_text().lower() == view


@pytest.mark.parametrize("settings", [PHONE, {"color_scheme": "dark"}, {**PHONE, "color_scheme": "dark"}])
def test_nothing_is_wider_than_the_screen(settings: dict, html: str, visit):
    page = visit(html, **settings)
    for view in ["overview", "graph", "coverage", "samples"]:
        page.locator(f"nav a[data-view={view}]").click()
        ready(page, view)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if "color_scheme" in settings else "rgb(251, 251, 250)")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground


def test_on_a_phone_a_tap_selects_and_targets_are_large(html: str, visit):
    page = visit(html, "#graph?type=commercial-contract", **PHONE)
    assert page.is_visible(".chip")
    page.locator(".chip").first.tap()
    ready(page, "graph")
    assert page.is_visible("#selection h2")
    for selector in [".chip", ".zoom button", "nav a", "#selection-close", "#company .label"]:
        assert page.locator(selector).first.bounding_box()["height"] >= 43.5, selector


def test_two_fingers_zoom(html: str, visit):
    page = visit(html, "#graph?type=commercial-contract", **PHONE)
    before = picture(page)
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: float) -> None:
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x + right, "y": y, "id": n} for n, right in enumerate(places)]}
        )

    fingers("touchStart", -20, 20)
    for apart in range(30, 110, 20):
        fingers("touchMove", -apart, apart)
    fingers("touchEnd")
    assert picture(page) != before
    assert page.is_hidden("#selection")


def test_pages_with_little_on_them(run: PageData, visit):
    for data in [
        PageData(title="nothing", graphs=[]),
        PageData(title="graphs alone", graphs=run.graphs[:2]),
        replace(run, publish=True),
        replace(run, graphs=[]),
        PageData(title="one label", graphs=[run.graphs[0].model_copy(update={"nodes": run.graphs[0].nodes[:1], "edges": ()})]),
    ]:
        page = visit(render_page(data))
        for view in ["graph", "coverage", "samples", "overview"]:
            page.locator(f"nav a[data-view={view}]").click()
            ready(page, view)
            assert page.locator("main > section:visible, #trouble:visible").count() >= 1


def test_a_large_graph_is_shown_whole_in_list_and_caption(visit):
    graph = synthetic_run.make_big_graph(nodes=1500, edges=10_000)
    page = visit(render_page(PageData(title="large", graphs=[graph])), "#graph")
    found = numbers(page.inner_text("#caption"))
    assert found[1] == 1500
    assert found[3] == 10_000
    assert page.locator("#list-body tr").count() == 200
    page.click("#list-more")
    assert page.locator("#list-body tr").count() == 400


def test_an_address_that_changes_before_the_data_is_there_is_read_when_it_is(html: str, chromium, tmp_path: Path):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    trouble: list[str] = []
    page = chromium.new_page()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { location.hash = '#coverage'; dispatchEvent(new PopStateEvent('popstate')); });"
    )
    page.goto((tmp_path / "page.html").as_uri())
    ready(page, "coverage")
    page.close()
    assert trouble == []
