import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_graphs import bounded, graph

from wildgraph.errors import InputError
from wildgraph.taskgraph import TaskGraph
from wildgraph.taskgraph.interchange import WRITERS, escape, from_gexf, from_graphml, to_gexf, to_graphml, unescape

BOTH = pytest.mark.parametrize(("write", "read"), [(to_graphml, from_graphml), (to_gexf, from_gexf)], ids=["graphml", "gexf"])
SMALL = graph({"task/a": 5, "task/b": 3, "intent/c": 4}, {("task/a", "task/b"): 2, ("task/a", "intent/c"): 4}, records=6)
HOSTILE = (
    "\x00\x01\x1f\t\n\r\x7f\x85",
    "</data><node id='x'/>",
    '"><!ENTITY a "b">&a;&amp;&#65;',
    "]]><![CDATA[",
    "\\u0041\\\\n\\",
    "\ufffe\uffff\u2028\u202e",
    "  both ends  ",
)


@given(st.text())
@example("".join(HOSTILE) + "\ud800")
def test_any_text_survives_escaping_and_becomes_fit_for_xml(text):
    assert unescape(escape(text)) == text
    assert not re.search("[\x00-\x1f\ud800-\udfff\ufffe\uffff]", escape(text))


@BOTH
@settings(deadline=None)
@given(found=bounded())
def test_a_graph_comes_back_from_either_format(write, read, found):
    text = write(found)
    assert read(text) == found
    assert read(text).to_json() == found.to_json()


@BOTH
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_no_harm_and_come_back(write, read, name):
    nodes = [node.model_copy(update={"name": name, "concept": f"{node.concept}{name}"}) for node in SMALL.nodes]
    hostile = TaskGraph(**(SMALL.model_dump() | {"name": name, "nodes": [node.model_dump() for node in nodes]}))
    text = write(hostile)
    text.encode("utf-8")
    again = read(text)
    assert again == hostile
    assert [node.name for node in again.nodes] == [name] * 3


@BOTH
def test_a_graph_without_a_name_comes_back(write, read):
    nameless = SMALL.model_copy(update={"name": ""})
    assert read(write(nameless)) == nameless


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_bytes_hold_no_date_and_no_version_of_a_library(write):
    text = write(SMALL)
    assert write(TaskGraph.from_json(SMALL.to_json())) == text
    assert not re.search(r"\d{4}-\d\d-\d\d|lastmodified|NetworkX", text)
    assert text.endswith("\n")


def test_gephi_sees_names_and_weights():
    text = to_gexf(SMALL)
    assert 'id="task/a" label="a"' in text
    assert len(re.findall(r'<edge [^>]*weight="[24]"', text)) == 2


@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "is not"),
        (lambda text: "not xml", "is not"),
        (lambda text: text[: len(text) // 2], "is not"),
        (lambda text: "<html/>", "is not"),
        (lambda text: text.replace("wildgraph.taskgraph", "other.graph"), "is not a wildgraph task graph"),
        (lambda text: re.sub(r'(version"?>|"version":|<data key="d6">)1', r"\g<1>9", text), "version 9 — a newer wildgraph wrote it"),
        (lambda text: text.replace(">5<", ">0<").replace('value="5"', 'value="0"'), "is corrupt"),
        (lambda text: text.replace('"undirected"', '"directed"'), "is not"),
    ],
)
def test_what_is_foreign_newer_or_corrupt_is_an_error_of_one_line(write, read, change, message):
    with pytest.raises(InputError, match=message) as caught:
        read(change(write(SMALL)), "file.xml")
    assert str(caught.value).startswith("file.xml")
    assert "\n" not in str(caught.value)


@BOTH
def test_entities_do_not_blow_up(write, read):
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaaaaaaaa'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1 if n else chr(0)};'.replace(chr(0), '') * 30}'>" for n in range(9)
    )
    text = write(SMALL).partition("?>")
    body = text[2] or text[0]
    with pytest.raises(InputError):
        read(bomb + "]>" + body.replace(">a<", ">&a8;<").replace('label="a"', 'label="&a8;"'))
