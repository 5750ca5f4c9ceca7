import base64
import hashlib
import json
import re
import zlib
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import synthetic_run
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.explorer.page import GRAPH_LIMIT, PAGE_LIMIT, ROWS_PER_TYPE, FunnelStage, PageData, render_page
from wildgraph.explorer.payload import by_type
from wildgraph.explorer.rows import CONTEXT, accepted, choose, cut, windows
from wildgraph.records import Evidence
from wildgraph.taskgraph import TaskGraph


@pytest.fixture(scope="module")
def run() -> PageData:
    return synthetic_run.make_run()


def content(page: str) -> dict[str, dict]:
    """The data blocks by name."""
    found = {}
    for name, encoding, text in re.findall(r'<script type="text/plain" id="data-([^"]+)" data-encoding="(\w+)">([^<]*)</script>', page):
        found[name] = json.loads(zlib.decompress(base64.b64decode(text)) if encoding == "zlib" else text)
    return found


def test_equal_data_give_equal_bytes(run: PageData):
    again = replace(synthetic_run.make_run(), pairs=list(reversed(run.pairs)), graphs=list(reversed(run.graphs)))
    assert render_page(run) == render_page(again)


def test_compressed_and_plain_pages_hold_the_same(run: PageData):
    assert content(render_page(run)) == content(render_page(run, compress=False))


def test_the_policy_names_script_and_style_by_hash(run: PageData):
    page = render_page(run)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert policy.startswith("default-src 'none'; ")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_page_asks_for_nothing(run: PageData):
    page = render_page(run)

    links: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attributes):
            links.extend(value for name, value in attributes if name in ("src", "href", "action", "srcset") and value)

    Links().feed(page)
    assert links
    assert all(link.startswith(("#", "data:image/svg")) for link in links)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|XMLHttpRequest|import\(", page)


def test_counts_are_of_all_rows_and_rows_are_capped(run: PageData):
    blocks = content(render_page(run))
    overview = blocks["overview"]
    assert overview["rows"] == len(run.pairs)
    assert overview["accepted"] == sum(map(accepted, run.pairs))
    assert [stage["entered"] for stage in overview["funnel"]] == [stage.entered for stage in run.funnel]
    assert sum(card["rows"] for card in overview["types"]) == len(run.pairs)
    for card in overview["types"]:
        rows = blocks[f"rows-{card['key']}"]["rows"]
        assert len(rows) == card["shown"] == min(ROWS_PER_TYPE, card["rows"])
    assert any("at most 40 per document type" in note for note in overview["notes"])
    assert sum(count for _, count in overview["histograms"]["tokens"]) == len(run.pairs)
    lengths = Counter(len(pair.path) for pair in run.pairs)
    assert {int(name): count for name, count in overview["histograms"]["labels"] if count} == dict(lengths)


def test_a_graph_survives_its_coding(run: PageData):
    blocks = content(render_page(run))
    for kind in by_type(run):
        graph, block = kind.graph, blocks[f"graph-{kind.key}"]
        assert isinstance(graph, TaskGraph)
        edges, place = [], 0
        for source, count in enumerate(block["edges"]["perSource"]):
            target = source
            for _ in range(count):
                target += block["edges"]["target"][place]
                edges.append((source, target, block["edges"]["frequency"][place]))
                place += 1
        assert edges == [(edge.source, edge.target, edge.frequency) for edge in graph.edges]
        used = Counter(number for pair in kind.pairs for number in kind.steps(pair))
        assert block["nodes"]["used"] == [used[number] for number in range(len(graph.nodes))]
        assert all(good <= times for good, times in zip(block["nodes"]["accepted"], block["nodes"]["used"], strict=True))


def test_documents_of_one_title_bear_the_names_that_the_data_sets_give_them(run: PageData):
    pair = next(pair for pair in run.pairs if len(pair.documents) > 1)
    named = replace(run, pairs=[pair], titles={one.id: "Introduction" for one in pair.documents})
    (rows,) = (block["rows"] for name, block in content(render_page(named)).items() if name.startswith("rows-") and block["rows"])
    shown = {one["id"]: one["title"] for one in rows[0]["documents"]}
    assert shown == {name: f"Introduction ({number})" for number, name in enumerate(sorted(shown), 1)}


def test_publishing_leaves_out_rows_and_documents(run: PageData):
    page = render_page(replace(run, publish=True), compress=False)
    assert not any(block["rows"] for name, block in content(page).items() if name.startswith("rows-"))
    assert "Please " not in page
    assert synthetic_run.SENTENCES[0] not in page
    assert not any(pair.id in page for pair in run.pairs)
    assert content(page)["overview"]["rows"] == len(run.pairs)


def test_a_page_that_would_be_too_large_loses_rows_first_then_weak_edges(run: PageData):
    whole = len(render_page(run))
    smaller = render_page(run, page_limit=whole - 120_000)
    blocks = content(smaller)
    assert sum(card["shown"] for card in blocks["overview"]["types"]) < 224
    assert any("to keep the page small" in note for note in blocks["overview"]["notes"])
    tiny = content(render_page(run, page_limit=1))
    assert any("only the strongest 0%" in note for note in tiny["overview"]["notes"])
    for kind in by_type(run):
        edges = tiny[f"graph-{kind.key}"]["edges"]
        assert len(edges["target"]) == len(edges["backbone"])


def test_a_large_graph_keeps_its_budget():
    page = render_page(PageData(title="large", graphs=[synthetic_run.make_big_graph(5000, 50_000)]))
    assert len(page) <= PAGE_LIMIT
    assert len(re.search(r'id="data-graph-big"[^>]*>([^<]*)<', page)[1]) <= GRAPH_LIMIT
    block = content(page)["graph-big"]
    assert len(block["nodes"]["key"]) == 5000
    assert len(block["edges"]["target"]) == block["edgeCount"] == 50_000


def test_a_page_of_nothing_and_of_graphs_alone():
    empty = content(render_page(PageData(title="", graphs=[])))
    assert empty["overview"]["types"] == []
    alone = content(render_page(PageData(title="graphs", graphs=[synthetic_run.make_graph("patent", records=60)])))
    assert alone["overview"]["types"][0]["rows"] == 0
    one = TaskGraph.model_validate(
        {"document_type": "document_type/x", "name": "x", "records": 0, "users": 0, "min_support": 1, "nodes": (), "edges": ()}
    )
    assert content(render_page(PageData(title="x", graphs=[one, one])))["overview"]["types"][1]["key"] == "type-1"


def test_rows_without_a_graph_are_shown_apart(run: PageData):
    stray = run.pairs[0].model_copy(update={"document_type": "document_type/gone"})
    blocks = content(render_page(replace(run, pairs=[stray])))
    assert [card["key"] for card in blocks["overview"]["types"]][-1] == "other"
    row = blocks["rows-other"]["rows"][0]
    assert row["path"][0] == list(stray.path[0])


@pytest.mark.parametrize("compress", [True, False])
def test_hostile_text_stays_data(compress: bool):
    evil = "</script><script>window.pwned = 1</script><img src=x onerror=alert(1)> \u202egnol\u202c \ud800 " + "A" * 10_000
    stage = FunnelStage(evil, 3, 1, {"failed": {evil: 2}})
    page = render_page(PageData(title=evil, graphs=[], funnel=[stage], about={evil: evil}), compress=compress)
    page.encode("utf-8")  # no lone surrogate is left
    assert page.count("<script") == page.count("</script>") == 2
    assert content(page)["overview"]["funnel"][0]["stage"] == evil
    assert "<img" not in page


# --------------------------------------------------------------------------- rows


@given(st.text(max_size=700), st.data())
def test_marked_pieces_are_the_quoted_text(text: str, data: st.DataObject):
    spans = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        spans.append(Evidence(document_id="d", start=start, end=end, text=text[start:end]))
    for window in windows(text, spans):
        parts = window["parts"]
        assert len(parts) % 2 == 1
        if window["found"]:
            body = "".join(parts).removeprefix("… ").removesuffix(" …")
            assert body in text
            assert text[window["at"] :].startswith(parts[1][:1])


def test_evidence_behind_emoji_is_marked_exactly():
    text = "🔎🔎🔎 intro 👩‍⚖️ the fee is due 🔎 on Monday. " + "x" * 400
    start = text.index("the fee")
    span = Evidence(document_id="d", start=start, end=start + 14, text=text[start : start + 14])
    (window,) = windows(text, [span])
    assert window["parts"][1] == "the fee is due"
    assert window["parts"][2].endswith(" …")


def test_evidence_that_moved_is_found_and_what_is_missing_stands_alone():
    moved = Evidence(document_id="d", start=90, end=95, text="hello")
    missing = Evidence(document_id="d", start=3, end=8, text="never")
    found, alone = windows("oh hello there", [moved, missing])
    assert (found["found"], found["at"], found["parts"][1]) == (True, 90, "hello")
    assert (alone["found"], alone["parts"]) == (False, ["", "never", ""])


def test_near_evidence_shares_a_window_and_far_evidence_does_not():
    text = "first " + "a " * 50 + "second " + "b " * CONTEXT * 3 + "third"
    spans = [
        Evidence(document_id="d", start=text.index(word), end=text.index(word) + len(word), text=word)
        for word in ("first", "second", "third")
    ]
    near, far = windows(text, spans)
    assert near["parts"][1::2] == ["first", "second"]
    assert far["parts"][1::2] == ["third"]


def test_the_choice_of_rows_depends_on_ids_alone(run: PageData):
    chosen = choose(run.pairs, 40)
    assert chosen == choose(list(reversed(run.pairs)), 40)
    assert len(chosen) == 40
    assert sum(not accepted(pair) for pair in chosen) == 10
    assert len(choose(run.pairs[:5], 40)) == 5
    assert choose(run.pairs, 0) == []


def test_long_text_is_cut_and_says_so():
    assert cut("abc", 3) == "abc"
    assert cut("abcd" * 1000, 10).endswith("(3,990 more characters)")
