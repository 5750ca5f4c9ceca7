r"""Task graphs for other programs: GraphML (yEd, Cytoscape, networkx) and GEXF (Gephi), byte-stable, and read back without loss.

XML cannot hold control characters, and readers change line breaks, so what XML cannot carry is written as ``\uXXXX`` and a backslash is
doubled. No date is written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from wildgraph.errors import InputError
from wildgraph.records import canonical_json
from wildgraph.taskgraph.graph import FORMAT, FORMAT_VERSION, TaskGraph

if TYPE_CHECKING:
    import networkx as nx

Interchange = Literal["json", "graphml", "gexf"]

_UNFIT = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff\\\\]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|\\)")
Attributes = Mapping[str, object]


def escape(text: str) -> str:
    r"""Text that XML can hold, from which :func:`unescape` makes the same text again.

    Example:
        >>> escape("a" + chr(0) + "b"), unescape(escape("a" + chr(0) + "b")) == "a" + chr(0) + "b"
        ('a\\u0000b', True)
    """
    return _UNFIT.sub(lambda found: "\\\\" if found.group() == "\\" else f"\\u{ord(found.group()):04x}", text)


def unescape(text: str) -> str:
    """The inverse of :func:`escape`."""
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)) if found.group(1) else "\\", text)


def to_graphml(graph: TaskGraph) -> str:
    """The graph as GraphML; all attributes of graph, nodes and edges are there under their names."""
    import networkx as nx

    plain = _mapped(_marked(graph), escape)
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def from_graphml(text: str, source: str = "graph") -> TaskGraph:
    """Read back what :func:`to_graphml` wrote.

    Args:
        text: GraphML.
        source: file name for messages.

    Raises:
        InputError: not GraphML, or not of a task graph, or of a newer version.
    """
    import networkx as nx

    def read() -> nx.Graph[str]:
        plain: nx.Graph[str] = nx.parse_graphml(text, node_type=str)
        plain.graph.setdefault("name", "")  # an empty text is no attribute to networkx
        return plain

    return _unmarked(_parsed(read, source, "GraphML"), source)


def to_gexf(graph: TaskGraph) -> str:
    """The graph as GEXF 1.2; a node's label is its concept's name, an edge's weight its frequency, the type's own counts are the description."""
    import networkx as nx

    marked = _marked(graph)
    for _, data in marked.nodes(data=True):
        data["label"] = data.pop("name")
    for _, _, data in marked.edges(data=True):
        data["weight"] = data["frequency"]
    plain = _mapped(marked, escape)
    about = canonical_json(plain.graph)
    plain.graph.clear()
    writer = nx.readwrite.gexf.GEXFWriter(version="1.2draft")
    writer.add_graph(plain)
    meta = writer.xml.find("meta")
    meta.clear()  # networkx puts today's date and its own version there
    ET.SubElement(meta, "creator").text = "wildgraph"
    ET.SubElement(meta, "description").text = about
    return f"<?xml version='1.0' encoding='utf-8'?>\n{writer}\n"


def from_gexf(text: str, source: str = "graph") -> TaskGraph:
    """Read back what :func:`to_gexf` wrote.

    Args:
        text: GEXF.
        source: file name for messages.

    Raises:
        InputError: not GEXF, or not of a task graph, or of a newer version.
    """
    import json

    import networkx as nx

    def read() -> nx.Graph[str]:
        data = text.encode("utf-8")
        plain: nx.Graph[str] = nx.read_gexf(io.BytesIO(data), node_type=str, version="1.2draft")
        described = next((element.text for element in ET.fromstring(data).iter() if element.tag.rpartition("}")[2] == "description"), None)  # noqa: S314 - expat bounds entities
        plain.graph = json.loads(described or "{}")
        for _, node in plain.nodes(data=True):
            node["name"] = node.pop("label")
        for _, _, edge in plain.edges(data=True):
            for name in ("id", "weight"):
                edge.pop(name, None)
        return plain

    return _unmarked(_parsed(read, source, "GEXF"), source)


#: Format -> how a graph is written in it.
WRITERS: Mapping[Interchange, Callable[[TaskGraph], str]] = {"json": TaskGraph.to_json, "graphml": to_graphml, "gexf": to_gexf}


def _marked(graph: TaskGraph) -> nx.Graph[str]:
    plain = graph.to_networkx()
    plain.graph.update(format=FORMAT, version=1 if graph.exact else FORMAT_VERSION)
    return plain


def _parsed(read: Callable[[], nx.Graph[str]], source: str, language: str) -> nx.Graph[str]:
    import networkx as nx

    try:
        plain = read()
        if plain.is_directed() or plain.is_multigraph() or not isinstance(plain.graph, dict):
            raise ValueError("it is no simple undirected graph")
    except (nx.NetworkXException, ET.ParseError, ValueError, KeyError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise InputError(f"{source} is not {language} of a task graph: {' '.join(str(error).split())[:120]}") from error
    return plain


def _unmarked(plain: nx.Graph[str], source: str) -> TaskGraph:
    """The task graph in what a reader of networkx made of the file."""
    for name in ("node_default", "edge_default"):
        plain.graph.pop(name, None)
    if plain.graph.pop("format", None) != FORMAT:
        raise InputError(f"{source} is not a wildgraph task graph")
    version = plain.graph.pop("version", None)
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise InputError(f"{source} has graph format version {version!r}", "a newer wildgraph wrote it: upgrade")
    for _, _, data in plain.edges(data=True):
        data.pop("id", None)
    try:
        return TaskGraph.from_networkx(_mapped(plain, unescape))
    except InputError as error:
        raise InputError(f"{source} is corrupt: {error.message}", error.hint) from error


def _mapped(plain: nx.Graph[str], change: Callable[[str], str]) -> nx.Graph[str]:
    """The graph with all its texts changed, in the same order."""
    import networkx as nx

    def attributes(data: Attributes) -> dict[str, object]:
        return {name: change(value) if isinstance(value, str) else value for name, value in data.items()}

    found: nx.Graph[str] = nx.Graph()
    found.graph.update(attributes(plain.graph))
    found.add_nodes_from((change(node), attributes(data)) for node, data in plain.nodes(data=True))
    found.add_edges_from((change(left), change(right), attributes(data)) for left, right, data in plain.edges(data=True))
    return found
