"""The served page: for this machine alone, and as new as what it shows."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import synthetic_run
from test_explorer_page import content

from wildgraph.errors import RunError, UsageError
from wildgraph.explorer.page import PageData, render_page
from wildgraph.explorer.serving import PageServer, Source, State


class Growing:
    """A run that grows when told to."""

    def __init__(self) -> None:
        self.graphs = [synthetic_run.make_graph(kind, records=60) for kind in ("patent", "novel chapter")]
        self.shown, self.reads, self.broken = 1, 0, False

    def state(self) -> State:
        return State(f"{self.shown}{self.broken}", [("pairs", 7)])

    def read(self) -> tuple[PageData, PageData | None]:
        self.reads += 1
        if self.broken:
            raise RunError("the manifest is half", "wait")
        return PageData(title="growing", graphs=self.graphs[: self.shown]), None


@pytest.fixture
def served() -> Iterator[tuple[Growing, PageServer]]:
    run = Growing()
    with PageServer(Source("growing", run.state, run.read)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield run, server
        server.shutdown()
        thread.join(10)
        assert not thread.is_alive()


def ask(server: PageServer, path: str, host: str | None = None) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def test_it_listens_on_loopback_alone(served: tuple[Growing, PageServer]):
    _, server = served
    assert server.server_address[0] == "127.0.0.1"
    assert server.server_port > 0
    assert server.address.startswith(f"http://127.0.0.1:{server.server_port}/")


def test_nobody_gets_in_without_the_secret_or_under_a_foreign_name(served: tuple[Growing, PageServer]):
    run, server = served
    for path in [
        "/",
        "/state",
        "/data",
        "/x/",
        "/../",
        f"/{server.secret}x/",
        f"/{server.secret}/../state",
        f"/{server.secret}/etc/passwd",
    ]:
        status, _, body = ask(server, path)
        assert (status, "growing" in body) == (404, False), path
    status, _, body = ask(server, f"/{server.secret}/", host="evil.example")
    assert (status, "growing" in body) == (403, False)
    assert run.reads == 0


def test_the_served_page_may_ask_its_server_and_a_file_may_ask_nobody(served: tuple[Growing, PageServer]):
    run, server = served
    status, headers, page = ask(server, f"/{server.secret}/")
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page
    assert "connect-src 'self'" in page
    assert "fetch(" in page
    file = render_page(run.read()[0])
    assert "connect-src" not in file
    assert "fetch(" not in file


def test_what_grew_is_told_and_given_and_what_did_not_is_read_once(served: tuple[Growing, PageServer]):
    run, server = served
    _, _, page = ask(server, f"/{server.secret}/")
    assert [card["name"] for card in content(page)["overview"]["types"]] == ["patent"]
    first = json.loads(ask(server, f"/{server.secret}/state")[2])
    assert first["doing"] == [["pairs", 7]]
    ask(server, f"/{server.secret}/data")
    assert run.reads == 1
    run.shown = 2
    second = json.loads(ask(server, f"/{server.secret}/state")[2])
    assert second["version"] != first["version"]
    news = json.loads(ask(server, f"/{server.secret}/data")[2])
    assert news["version"] == second["version"]
    assert {name for name, _, _ in news["blocks"]} == {"overview", *(f"{part}-{g.slug}" for g in run.graphs for part in ("graph", "rows"))}
    assert run.reads == 2


def test_a_run_that_cannot_be_read_right_now_says_why(served: tuple[Growing, PageServer]):
    run, server = served
    run.broken = True
    status, _, page = ask(server, f"/{server.secret}/")
    assert status == 200
    assert content(page)["overview"]["notes"] == ["the manifest is half. wait"]
    run.broken = False
    assert content(ask(server, f"/{server.secret}/")[2])["overview"]["types"]


def test_a_port_that_is_taken_is_named(served: tuple[Growing, PageServer]):
    _, server = served
    with pytest.raises(UsageError, match=str(server.server_port)):
        PageServer(server.source, server.server_port)


def test_layouts_are_kept_between_two_looks(served: tuple[Growing, PageServer]):
    run, server = served
    ask(server, f"/{server.secret}/")
    made = server.painter.cache_info().misses
    run.graphs = [replace_records(graph) for graph in run.graphs]
    run.shown = 2
    ask(server, f"/{server.secret}/data")
    assert server.painter.cache_info().misses == made + 1  # the second graph is new, the first one only read again


def replace_records(graph):
    """An equal graph that is another object, as one that was read from a file again is."""
    return type(graph).model_validate(graph.model_dump())


def test_a_comparison_is_served_too():
    graph = synthetic_run.make_graph("patent", records=60)
    data = PageData(title="one", graphs=[graph])
    with PageServer(Source("one", lambda: State("1"), lambda: (data, replace(data, title="two")))) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        page = ask(server, f"/{server.secret}/")[2]
        thread.join(10)
    assert content(page)["overview"]["compare"]["title"] == "two"
