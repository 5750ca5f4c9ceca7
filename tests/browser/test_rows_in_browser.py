"""A row in full: turns, documents and their roles, evidence in its place, checkers, verdicts, worse answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic_run
from page_reading import PHONE, kind_of, numbers, ready, texts

from wildgraph.explorer.page import PageData, render_page
from wildgraph.explorer.rows import choose
from wildgraph.records import Pair


@pytest.fixture(scope="module")
def rich(run: PageData) -> tuple[PageData, Pair]:
    graph = next(graph for graph in run.graphs if graph.name == "patent")
    pair = synthetic_run.make_rich_pair(graph, synthetic_run.make_documents("patent", 4, 0))
    titles = {pair.documents[0].id: "A patent of pumps"}
    return replace(run, pairs=[*run.pairs, pair], titles=titles), pair


@pytest.mark.parametrize("settings", [{}, PHONE, {"color_scheme": "dark"}])
def test_all_that_a_row_can_have_is_there(settings: dict, rich: tuple[PageData, Pair], visit):
    data, pair = rich
    page = visit(render_page(data), "#samples?type=patent&row=rich", **settings)
    assert texts(page, "#sample .text") == [*(turn.content for turn in pair.turns), "forty-two", "A wrong answer.", "Forty-three."]
    assert [numbers(text)[0] for text in texts(page, "#sample h2[data-turn]")] == [1, 2, 3, 4, 5]
    assert "not trained on" in texts(page, "#sample h2[data-turn]")[2]
    assert "not trained on" not in texts(page, "#sample h2[data-turn]")[4]
    assert "42 is in no document" in page.locator("#sample > .why").inner_text()
    assert texts(page, "#sample .checkers bdi") == ["exact", '{"answer":"forty-two"}', "citation"]
    assert "25 %" in page.inner_text("#sample")
    assert "bucket 8,192" in page.inner_text("#sample")
    parts = page.locator("#sample .document")
    assert texts(page, "#sample .document h3 > bdi") == ["A patent of pumps", *(document.id for document in pair.documents[1:])]
    for place, document in enumerate(pair.documents):
        part = parts.nth(place)
        tags = part.locator(".tag").all_inner_texts()
        assert tags[:2] == [document.role, "licence CC0-1.0"]
        assert numbers(tags[2]) == [len(data.documents[document.id])]
        spans = [span for span in pair.evidence if span.document_id == document.id]
        assert set(part.locator("mark").all_text_contents()) == {span.text for span in spans}
        assert part.locator(".whereabouts i").count() == len(spans)
    assert parts.first.locator(".for-turn").all_inner_texts() == ["For turn 3", "For turn 5"]
    first = pair.evidence[0]
    length = len(data.documents[first.document_id])
    assert (
        abs(float(parts.first.locator(".whereabouts i").first.evaluate("mark => parseFloat(mark.style.left)")) - 100 * first.start / length)
        < 0.02
    )
    worse = page.locator("#sample .alternative")
    assert worse.count() == 2
    assert "answered from another document" in worse.first.inner_text()
    assert "margin 1.50" in worse.first.inner_text()
    assert [text.split()[-1] for text in texts(page, "#sample .gates .verdict")] == ["pass", "fail", "evaluated"]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def spoken(data: PageData, pair: Pair) -> str:
    """All of a row that can be searched for."""
    said = [turn.content for turn in pair.turns] + [worse.content for worse in pair.alternatives] + [pair.answer or ""]
    return "\n".join([*said, *(f"{document.id} {data.titles.get(document.id)}" for document in pair.documents)])


def test_rows_are_found_by_reason_document_and_worse_answer(rich: tuple[PageData, Pair], visit):
    page = visit(render_page(rich[0]), "#samples?type=patent")
    page.select_option("#sample-outcome", "rejected:unknown_number")
    page.wait_for_selector("#sample-count:has-text('1 of')")
    assert page.locator("#sample-list button").get_attribute("data-row") == "rich"
    page.select_option("#sample-outcome", "")
    for said in ["forty-three", "patent of pumps", "the last ANSWER", "forty-two"]:
        page.fill("#sample-find", said)
        rows = [pair for pair in choose(kind_of(rich[0], "patent").pairs, 40) if said.lower() in spoken(rich[0], pair).lower()]
        page.wait_for_selector(f"#sample-count:has-text('{len(rows)} of')")
        assert "rich" in [button.get_attribute("data-row") for button in page.locator("#sample-list button").all()]


def test_rows_are_turned_over_and_listed_by_keys(run: PageData, html: str, visit):
    page = visit(html, "#samples?type=research-paper")
    rows = [button.get_attribute("data-row") for button in page.locator("#sample-list button").all()]
    assert page.inner_text("#row-place") == f"1 of {len(rows)}"
    assert page.get_by_role("button", name="Previous row").is_disabled()
    page.get_by_role("button", name="Next row").click()
    page.wait_for_selector(f"#row-place:text('2 of {len(rows)}')")
    assert page.locator("#sample-list [aria-current]").get_attribute("data-row") == rows[1]
    page.locator("#sample-list button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.row") == rows[2]


def test_a_row_is_walked_in_the_graph(run: PageData, html: str, visit):
    page = visit(html, "#samples?type=commercial-contract")
    row = page.locator("#sample-list [aria-current]").get_attribute("data-row")
    kind = kind_of(run, "commercial-contract")
    pair = next(pair for pair in kind.pairs if pair.id == row)
    page.get_by_role("button", name="Walk it in the graph").click()
    ready(page, "graph")
    names = {(label.field, label.concept): label.name for label in kind.graph.nodes}
    assert texts(page, "#walker .steps bdi") == [names[step] for step in pair.path]
    assert page.inner_text("#step-place") == f"step 1 of {len(pair.path)}"
    page.get_by_role("button", name="Open its row").click()
    ready(page, "samples")
    assert row in page.url
