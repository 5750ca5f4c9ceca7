"""The served page in a real browser: it follows its run, asks nobody else, and what is shown stays shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import synthetic_run
from page_reading import numbers, ready, texts

from wildgraph.explorer.page import PageData
from wildgraph.explorer.serving import PageServer, Source, State


class Growing:
    """A run that grows when told to."""

    def __init__(self) -> None:
        whole = synthetic_run.make_run()
        self.graphs = [graph for graph in whole.graphs if graph.name in {"patent", "novel chapter"}]
        self.documents = dict(whole.documents)
        kinds = {graph.document_type for graph in self.graphs}
        self.pairs = [pair for pair in whole.pairs if pair.document_type in kinds]
        self.types, self.rows = 0, 0

    def state(self) -> State:
        return State(f"{self.types}-{self.rows}", [("pairs", self.rows)])

    def read(self) -> tuple[PageData, PageData | None]:
        return PageData(title="growing", graphs=self.graphs[: self.types], pairs=self.pairs[: self.rows], documents=self.documents), None


@pytest.fixture
def served() -> Iterator[tuple[Growing, str]]:
    run = Growing()
    with PageServer(Source("growing", run.state, run.read)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield run, server.address
        server.shutdown()
        thread.join(10)


def test_a_page_follows_its_run_and_keeps_what_is_shown(served: tuple[Growing, str], visit):
    run, address = served
    page = visit(address)
    page.wait_for_selector("#live:has-text('live')")
    assert page.locator(".card").count() == 0
    run.types, run.rows = 1, 3
    page.wait_for_selector(".card")
    page.wait_for_selector("#live:has-text('pairs 3')")
    assert numbers(texts(page, ".tile strong")[-1]) == [sum(all(v.status != "fail" for v in pair.verdicts) for pair in run.pairs[:3])]
    page.locator(".card").click()
    ready(page, "graph")
    label = page.locator("#list-body .label").first
    name = label.locator("bdi").inner_text()
    label.click()
    page.wait_for_selector("#selection h2")
    shown = page.url
    run.types, run.rows = 2, len(run.pairs)
    page.wait_for_selector("#type option:nth-child(2)", state="attached", timeout=20_000)
    ready(page, "graph")
    assert page.url == shown
    assert page.inner_text("#selection h2") == name
    page.locator("nav a[data-view=samples]").click()
    ready(page, "samples")
    assert numbers(page.inner_text("#sample-count"))[0] == len(run.pairs)
