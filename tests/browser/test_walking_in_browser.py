"""Paths walked step by step, and the way from a label or a line to paths and to accepted and rejected rows."""

from __future__ import annotations

from page_reading import PHONE, kind_of, numbers, ready, texts

from wildgraph.explorer.page import PageData
from wildgraph.explorer.payload import TypeData
from wildgraph.explorer.rows import accepted, choose
from wildgraph.taskgraph import GraphEdge

TYPE = "commercial-contract"


def busiest(kind: TypeData) -> int:
    return max(range(len(kind.graph.nodes)), key=lambda node: (kind.graph.nodes[node].field == "task", kind.use[0][node]))


def walked(kind: TypeData, *nodes: int) -> list[list[int]]:
    """Steps of the paths that hold the labels, in the page's order."""
    keys = [(kind.graph.nodes[node].field, kind.graph.nodes[node].concept) for node in nodes]
    pairs = sorted(kind.pairs, key=lambda pair: (pair.index, pair.id))
    return [[kind.labels[step] for step in pair.path] for pair in pairs if all(key in pair.path for key in keys)]


def on_page(kind: TypeData, *nodes: int) -> tuple[list[str], list[str]]:
    """Ids of the accepted and of the rejected rows on the page that hold the labels."""
    rows = [pair for pair in choose(kind.pairs, 40) if all(node in kind.steps(pair) for node in nodes)]
    return [pair.id for pair in rows if accepted(pair)], [pair.id for pair in rows if not accepted(pair)]


def edge_of(kind: TypeData, one: int, other: int) -> GraphEdge | None:
    return next((edge for edge in kind.graph.edges if {edge.source, edge.target} == {one, other}), None)


def test_a_path_is_walked_step_by_step(run: PageData, html: str, visit):
    kind = kind_of(run, TYPE)
    node = busiest(kind)
    page = visit(html, f"#graph?type={TYPE}&node={kind.graph.nodes[node].concept.replace('/', '%2F')}")
    steps = walked(kind, node)[0]
    page.get_by_role("button", name="Next path").click()
    page.wait_for_selector("#step-place:text('step by step')")
    ties = texts(page, "#walker .tie")
    assert len(ties) == len(steps) - 1
    for text, before, after in zip(ties, steps[:-1], steps[1:], strict=True):
        edge = edge_of(kind, before, after)
        if edge is None:
            assert text == "no edge on this page"
            continue
        lift = edge.frequency * kind.graph.records / (kind.graph.nodes[before].records * kind.graph.nodes[after].records)
        assert numbers(text)[0] == edge.frequency
        assert abs(float(text.rpartition("×")[2]) - lift) < 0.0501
    for place in range(1, len(steps) + 1):
        page.get_by_role("button", name="Step on").click()
        page.wait_for_selector(f"#step-place:text('step {place} of {len(steps)}')")
        current = page.locator("#walker li[aria-current=step]")
        label = kind.graph.nodes[steps[place - 1]]
        assert current.locator("bdi").inner_text() == label.name
        assert numbers(current.locator("small").inner_text()) == [label.records, label.support]
        assert page.locator("#walker li.ahead").count() == 2 * (len(steps) - place)
    page.get_by_role("button", name="Step on").click()  # there is no further step
    page.wait_for_selector(f"#step-place:text('step {len(steps)} of {len(steps)}')")
    page.locator("#walker .steps .label").first.click()
    page.wait_for_selector(f"#step-place:text('step 1 of {len(steps)}')")
    page.reload()
    ready(page, "graph")
    assert page.inner_text("#step-place") == f"step 1 of {len(steps)}"  # the address holds it


def test_keys_turn_over_paths_and_walk(run: PageData, html: str, visit):
    kind = kind_of(run, TYPE)
    node = busiest(kind)
    page = visit(html, f"#graph?type={TYPE}&node={kind.graph.nodes[node].concept.replace('/', '%2F')}")
    through = walked(kind, node)
    canvas = page.locator("#canvas")
    canvas.press("n")
    page.wait_for_selector(f"#path-place:text('1 of {len(through)}')")
    canvas.press("p")
    page.wait_for_selector(f"#path-place:text('{len(through)} of {len(through)}')")
    canvas.press(".")
    canvas.press(".")
    page.wait_for_selector(f"#step-place:text('step 2 of {len(through[-1])}')")
    canvas.press(",")
    page.wait_for_selector(f"#step-place:text('step 1 of {len(through[-1])}')")
    canvas.press("Escape")
    page.wait_for_selector("#selection", state="hidden")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_a_label_leads_to_accepted_and_rejected_rows(run: PageData, html: str, visit):
    kind = kind_of(run, TYPE)
    node = busiest(kind)
    good, bad = on_page(kind, node)
    assert len(good) > 2
    assert bad
    page = visit(html, f"#graph?type={TYPE}&node={kind.graph.nodes[node].concept.replace('/', '%2F')}")
    for outcome, ids in (("accepted", good), ("rejected", bad)):
        part = page.locator(f"#selection .examples[data-outcome={outcome}]")
        assert numbers(part.locator("h3").inner_text()) == [len(ids)]
        assert part.locator(".example").count() == min(2, len(ids))
        assert part.locator("mark").count() > 0  # evidence in its place
    assert "near duplicate" in page.locator("#selection .examples[data-outcome=rejected] .why").first.inner_text()
    page.locator("#selection .examples[data-outcome=accepted] .all-rows").click()
    ready(page, "samples")
    assert [row.get_attribute("data-row") for row in page.locator("#sample-list button").all()] == good
    assert kind.graph.nodes[node].name in page.inner_text("#sample-label")
    page.get_by_role("button", name="All labels").click()
    ready(page, "samples")
    assert page.is_hidden("#sample-label")
    page.go_back()
    ready(page, "samples")
    assert page.locator("#sample-list button").count() == len(good)


def test_two_labels_together(run: PageData, html: str, visit):
    kind = kind_of(run, TYPE)
    node = busiest(kind)
    page = visit(html, f"#graph?type={TYPE}&node={kind.graph.nodes[node].concept.replace('/', '%2F')}")
    page.locator("#company .count-link").first.click()
    page.wait_for_selector("#selection h2:text('Two labels together')")
    names = texts(page, "#selection .ends bdi")
    labels = {label.name: number for number, label in enumerate(kind.graph.nodes)}
    one, other = (labels[name] for name in names)
    assert one == node
    edge = edge_of(kind, one, other)
    sizes = [kind.graph.nodes[end].records for end in (one, other)]
    facts = texts(page, "#selection .facts dd")
    assert numbers(facts[0]) == [edge.frequency]
    assert abs(float(facts[1]) - sizes[0] * sizes[1] / kind.graph.records) < 0.051
    assert numbers(facts[3]) == [int(100 * edge.frequency / sizes[0] + 0.5)]
    assert numbers(facts[4]) == [int(100 * edge.frequency / sizes[1] + 0.5)]
    through = walked(kind, one, other)
    assert numbers(page.inner_text("#path-place")) == [len(through)]
    good, bad = on_page(kind, one, other)
    heads = page.locator("#selection .examples h3").all_inner_texts()
    assert [numbers(text)[0] for text in heads] == [len(ids) for ids in (good, bad) if ids]
    page.click("#selection-close")
    page.wait_for_selector("#selection h2:has-text('" + kind.graph.nodes[node].name + "')")


def test_a_click_on_a_line_chooses_its_two_labels(run: PageData, html: str, visit):
    page = visit(html, f"#graph?type={TYPE}")
    box = page.locator("#canvas").bounding_box()
    kind = kind_of(run, TYPE)
    for down in range(60, int(box["height"]) - 40, 9):
        page.mouse.click(box["x"] + box["width"] * 0.33, box["y"] + down)
        ready(page, "graph")
        if "with=" in page.url:
            break
    names = texts(page, "#selection .ends bdi")
    labels = {label.name: number for number, label in enumerate(kind.graph.nodes)}
    ends = {labels[name] for name in names}
    assert edge_of(kind, *ends) is not None
    page.focus("#canvas")
    page.keyboard.press("Escape")  # first the line, then the label
    page.wait_for_selector("#selection h2:not(:text('Two labels together'))")
    page.keyboard.press("Escape")
    page.wait_for_selector("#selection", state="hidden")


def test_on_a_phone_the_picture_stays_in_sight_of_the_steps(run: PageData, html: str, visit):
    kind = kind_of(run, TYPE)
    node = busiest(kind)
    page = visit(html, f"#graph?type={TYPE}&node={kind.graph.nodes[node].concept.replace('/', '%2F')}&path=1&step=1", **PHONE)
    button = page.get_by_role("button", name="Step on")
    button.scroll_into_view_if_needed()
    button.tap()
    page.wait_for_selector("#step-place:has-text('step 2')")
    box = page.locator("#canvas").bounding_box()
    assert 0 <= box["y"] < 200
    assert box["height"] > 200
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
