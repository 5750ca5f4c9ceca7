"""Text from logs and documents is hostile: it must never run, load anything or break the page."""

from __future__ import annotations

import synthetic_run
from page_reading import ready

from wildgraph.explorer.page import FunnelStage, PageData, render_page
from wildgraph.records import Alternative, Checker, Evidence, Message, Twin, Verdict


def test_hostile_text_is_only_text(visit):
    evil = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)>"
    turned = "\u202egnp.exe\u202c \u200f"
    graph = synthetic_run.make_graph("patent", records=120)
    nodes = list(graph.nodes)
    nodes[0] = nodes[0].model_copy(update={"name": evil})
    nodes[1] = nodes[1].model_copy(update={"name": "L" * 10_000})
    nodes[2] = nodes[2].model_copy(update={"name": f"lone \ud800 {turned}"})
    nodes[3] = nodes[3].model_copy(update={"concept": 'x" onclick="alert(1)\ud800'})
    graph = graph.model_copy(update={"nodes": tuple(nodes), "name": evil + turned})
    documents = {"doc": f"🔎👩‍⚖️ {evil} {turned} the fee is due 🔎 \ud800 " + "x" * 10_000}
    (pair,) = synthetic_run.make_pairs(graph, synthetic_run.make_documents("patent", 3), 1)
    start = documents["doc"].index("the fee")
    span = pair.turns[1].evidence[0].model_copy(update={"document_id": "doc", "start": start, "end": start + 14, "text": "the fee is due"})
    turns = (
        Message(role="user", content="x").model_copy(update={"content": evil + turned + "\ud800" + "y" * 10_000}),
        Message(role="assistant", content=evil, evidence=(span,)),
    )
    reference = pair.documents[0].model_copy(update={"id": "doc", "licence": evil})
    path = (*((node.field, node.concept) for node in nodes[:4]), ("javascript:", evil))
    pair = pair.model_copy(
        update={
            "id": evil,
            "turns": turns,
            "documents": (reference,),
            "path": path,
            "paradigm": evil,
            "document_type": graph.document_type,
            "answer": evil,
            "checkers": (Checker(name=evil, args=evil),),
            "alternatives": (Alternative(content=evil, made="wrong_document", matched=True, engine=evil, detail=evil + turned),),
            "verdicts": (Verdict(gate=evil, status="fail", reason=evil, detail=evil),),
            "twin": Twin(
                id=evil, document_id=evil, hash=evil, answer=evil, evidence=(Evidence(document_id=evil, start=0, end=1, text=evil),)
            ),
        }
    )
    data = PageData(
        title=evil,
        graphs=[graph],
        funnel=[FunnelStage(evil, 2, 1, {evil: {evil: 1}})],
        pairs=[pair],
        documents=documents,
        about={evil: evil + "\ud800"},
        titles={"doc": evil + "\ud800"},
        notes=[evil],
    )
    names = [node.model_copy(update={"name": f"{evil} {place} {turned}"[-100:]}) for place, node in enumerate(nodes)]
    other = PageData(
        title=turned + evil,
        graphs=[graph.model_copy(update={"nodes": tuple(names)})],
        funnel=[FunnelStage(evil, 3, 1, {evil: {evil: 2}})],
    )
    for compress in (True, False):
        page = visit(render_page(data, compare=other, compress=compress))
        page.locator("nav a[data-view=compare]").click()
        ready(page, "compare")
        page.locator("#compare-types .open-type").click()
        page.wait_for_selector("#compare-bench:visible")
        for number in range(3):
            page.locator("#change-body .label").nth(number).click()
            page.wait_for_selector("#change-selection h2")
            page.click("#change-close")
            page.wait_for_selector("#change-list:visible")
        for view in ["graph", "coverage", "samples", "compare", "overview"]:
            page.locator(f"nav a[data-view={view}]").click()
            ready(page, view)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert evil in page.inner_text("#overview-title")
        page.locator("nav a[data-view=graph]").click()
        ready(page, "graph")
        for number in range(4):
            page.locator("#list-body .label").nth(number).click()
            ready(page, "graph")
            assert page.is_visible("#selection h2")
            page.click("#selection-close")
            ready(page, "graph")
        page.locator('#list-body [data-node^="~3"]').click()
        ready(page, "graph")
        page.get_by_role("button", name="Next path").click()
        ready(page, "graph")
        page.locator("nav a[data-view=samples]").click()
        ready(page, "samples")
        assert page.locator("#sample mark").all_text_contents() == ["the fee is due"]
        assert page.locator("img, iframe, object, embed, a[href^=javascript]").count() == 0
        assert "pwned" not in page.title().split("<")[0]
        assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 1


def test_the_policy_stops_what_would_slip_through(html: str, chromium, tmp_path):
    """Even markup that got into the page could neither run nor load anything."""
    file = tmp_path / "planted.html"
    planted = "<script>document.body.dataset.pwned = 1</script><img src='https://example.invalid/x.png' onerror='document.body.dataset.pwned = 1'>"
    file.write_text(html.replace("<main>", planted + "<main>"), encoding="utf-8")
    page = chromium.new_page()
    refused: list[str] = []
    sent: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("response", lambda response: sent.append(response.url))
    page.goto(file.as_uri())
    ready(page, "overview")
    assert page.get_attribute("body", "data-pwned") is None
    assert any("Content Security Policy" in text for text in refused)
    assert all(url.startswith((file.as_uri(), "data:")) for url in sent)
    page.close()
