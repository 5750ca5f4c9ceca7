"""Static pictures: what is in them, that they are the same each time, and that hostile labels are only drawn."""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from made_pairs import pair
from whole_runs import Demo, succeed, wildgraph

import wildgraph as api
from wildgraph.errors import UsageError
from wildgraph.explorer.payload import FunnelStage
from wildgraph.explorer.picture import draw
from wildgraph.pictures import FORMATS, draw_coverage, draw_funnel, draw_graph, draw_lengths, save
from wildgraph.pictures.graph import _marks
from wildgraph.pictures.style import OTHER, plain
from wildgraph.records import TokenCounts
from wildgraph.survey import CoverageReport
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph

HEADS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def texts(figure) -> list[str]:
    """Everything that is written in a figure."""
    from matplotlib.text import Text

    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def graph(*names: str) -> TaskGraph:
    """Labels, each tied to the next."""
    nodes = sorted(
        (GraphNode(field="task", concept=f"task/{at:03}", name=name, support=3, records=4) for at, name in enumerate(names)),
        key=lambda one: one.concept,
    )
    edges = tuple(GraphEdge(source=at, target=at + 1, frequency=3, users=3) for at in range(len(nodes) - 1))
    return TaskGraph(document_type="document_type/x", name="x", records=90, users=70, min_support=3, nodes=tuple(nodes), edges=edges)


def dots(figure) -> int:
    """Points of all scatter plots."""
    from matplotlib.collections import PathCollection

    return sum(len(found.get_offsets()) for found in figure.findobj(PathCollection))


# --------------------------------------------------------------------------- a graph


def test_a_graph_shows_every_label_and_its_strongest_ties(demo: Demo):
    from matplotlib.collections import LineCollection

    one = api.TaskGraph.read(demo.run / "graphs/contract.json")
    picture, figure = draw(one), draw_graph(one)
    assert len(picture.chips) <= 14
    legend = len({node.field for node in one.nodes})
    assert dots(figure) == len(one.nodes) + legend
    assert "other fields" not in texts(figure)
    fields = [field.replace("_", " ") for field in {node.field for node in one.nodes}]
    assert set(fields) <= set(texts(figure))
    assert len(set(_marks(one).values())) == legend > 6
    other = _marks(api.TaskGraph.read(demo.run / "graphs/news-article.json"))
    shared = _marks(one).keys() & other.keys()
    assert len(shared) > 6
    assert {name: other[name] for name in shared} == {name: _marks(one)[name] for name in shared}
    (lines,) = figure.findobj(LineCollection)
    assert len(lines.get_segments()) == len(picture.backbone)
    written = " ".join(" ".join(text.split()) for text in texts(figure))
    assert all(node.name in written for node in one.nodes)
    assert f"{one.records:,} records of {one.users:,} users" in written


def test_of_many_labels_only_those_most_asked_for_have_names():
    one = graph(*(f"label {at}" for at in range(200)))
    named = [text for text in texts(draw_graph(one, named=25)) if text.startswith("label")]
    assert len(named) == 25
    assert dots(draw_graph(one)) == 200 + 1


def test_fields_beyond_the_marks_share_grey():
    nodes = tuple(GraphNode(field=f"f{at:02}", concept=f"f{at:02}/x", name=f"name {at}", support=3, records=3) for at in range(12))
    one = TaskGraph(document_type="document_type/x", name="x", records=90, users=70, min_support=3, nodes=nodes, edges=())
    assert len({mark for mark in _marks(one).values() if mark.colour != OTHER}) + sum(
        mark.colour == OTHER for mark in _marks(one).values()
    ) == len(nodes)
    assert "other fields" in texts(draw_graph(one))


def test_names_stand_on_the_side_where_no_tie_is():
    """Two labels with a tie: the upper one's name stands above it, the lower one's below."""
    one = graph("first", "second")
    picture, figure = draw(one), draw_graph(one)
    places = {text.get_text(): text.get_va() for text in figure.axes[0].texts}
    upper, lower = sorted((0, 1), key=lambda node: picture.y[node])
    assert (places[one.nodes[upper].name], places[one.nodes[lower].name]) == ("bottom", "top")


def test_an_empty_graph_is_a_picture_too(tmp_path: Path):
    save(draw_graph(graph()), tmp_path / "empty.png", "png")
    assert (tmp_path / "empty.png").read_bytes().startswith(HEADS["png"])


@pytest.mark.parametrize(
    "name", ["$\\frac{1}{", "$x$ and $y$", "a\nb\x00c", "\u202eevil", "<script>", "--> <b>", "数据 и данные", "_^{}\\"], ids=ascii
)
def test_hostile_labels_are_only_drawn(name: str, tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in FORMATS:
            save(draw_graph(graph(name, "other")), tmp_path / f"x.{kind}", kind)
    ElementTree.parse(tmp_path / "x.svg")
    assert "<script>" not in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_text_is_made_one_line_that_can_be_printed():
    assert plain("a\n\u202eb\ud800  c") == "a b c"
    assert plain("x" * 100, 10) == "x" * 9 + "…"


# --------------------------------------------------------------------------- the others


def test_a_funnel_says_what_came_in_and_why_it_went():
    from matplotlib.patches import Rectangle

    stages = [
        FunnelStage("mine", 100, 70, {"gated": {}, "filtered": {"toxic": 10}, "failed": {"timeout": 20}}),
        FunnelStage("adapt", 0, 0, {}),
    ]
    figure = draw_funnel(stages, "of $this")
    assert {"100 in, 70 out", "timeout 20, toxic 10", "0 in, 0 out", "of $this"} <= set(texts(figure))
    (axes,) = figure.axes
    widths = [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert widths[:4] == pytest.approx([0.7, 0.1, 0.0, 0.2])


def test_coverage_has_a_row_for_each_type(demo: Demo):
    report = api.coverage(demo.run)
    left, right = draw_coverage(report).axes
    assert len(left.get_yticks()) == len(report.types)
    first = max(report.types, key=lambda one: (one.edges, one.document_type))
    shares = [bar.get_width() for bar in right.patches][:4]
    assert shares == pytest.approx([1.0, *(one.edges / first.edges for one in (first.sampled, first.generated, first.accepted))])
    empty = CoverageReport(candidates=0, accepted=0, types=(), shares=(), starts=(), losses=())
    assert "0 of 0" in " ".join(texts(draw_coverage(empty)))


def test_lengths_count_every_pair_once():
    def of(length: int, **more):
        return pair(n_tokens=TokenCounts(documents=length, instruction=1, response=1), **more)

    made = [of(1000 * 2**at, index=at, paradigm=f"p{at % 8}", bucket=65536 if at == 3 else None) for at in range(9)]
    figure = draw_lengths(made)
    (axes,) = figure.axes
    assert sum(bar.get_height() for bar in axes.patches) == 9
    assert "2 other paradigms (2)" in texts(figure)
    assert [line.get_xdata()[0] for line in axes.lines] == [65536]
    assert "0 samples" in texts(draw_lengths([]))
    save_all = draw_lengths([of(5)])
    assert sum(bar.get_height() for bar in save_all.axes[0].patches) == 1


# --------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_picture_is_the_same_bytes(kind: str, demo: Demo, tmp_path: Path):
    written = []
    for turn in range(2):
        out = tmp_path / f"{turn}.{kind}"
        for of in ("graph", "funnel", "coverage", "lengths"):
            succeed("view", demo.run, "--of", of, f"--{kind}", out)
            written.append(out.read_bytes())
            assert written[-1].startswith(HEADS[kind])
    assert written[:4] == written[4:]
    assert len(set(written)) == 4
    assert not list(tmp_path.glob("*.partial"))
    assert not re.search(rb"CreationDate|dc:date|Software", b"".join(written))


def test_one_command_writes_several_files_and_no_page(demo: Demo, tmp_path: Path):
    before = (demo.run / "explorer.html").stat().st_mtime_ns
    outcome = succeed("view", demo.run, "--png", tmp_path / "new/a", "--svg", tmp_path / "b.svg", "--type", "contract")
    assert outcome.out.count("picture  ") == 2
    assert (tmp_path / "new/a").read_bytes().startswith(HEADS["png"])
    assert "<!-- contract -->" in (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert (demo.run / "explorer.html").stat().st_mtime_ns == before


def test_the_largest_type_is_drawn_where_none_is_named(demo: Demo, tmp_path: Path):
    api.picture(demo.run, tmp_path / "x.svg")
    records = {
        file.stem: json.loads(file.read_text())["records"] for file in (demo.run / "graphs").glob("*.json") if file.stem != "document"
    }
    written = re.findall(r"<!-- ([a-z -]+) -->", (tmp_path / "x.svg").read_text(encoding="utf-8"))
    (largest,) = (name for name in records if name.replace("-", " ") in written)
    assert records[largest] == max(records.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--of", "funnel"), "no file for a static picture is named"),
        (("--type", "contract"), "no file for a static picture is named"),
        (("--png", "x.png", "--type", "sonnet"), "no graph is called 'sonnet'"),
        (("--png", "x.png", "--type", "contract", "--of", "funnel"), "shows all document types"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments: tuple[str, ...], said: str, demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    outcome = wildgraph("view", demo.run, *arguments)
    assert outcome.code == 2
    assert said in outcome.error
    assert not list(tmp_path.iterdir())


def test_other_formats_and_a_run_without_a_sample_are_refused(demo: Demo, tmp_path: Path):
    with pytest.raises(UsageError, match="no picture format is called 'gif' — there are png, svg, pdf"):
        api.picture(demo.run, tmp_path / "x.gif")
    with pytest.raises(UsageError, match=r"x\.jpg is not the name of a PNG file — write x\.png"):
        api.picture(demo.run, tmp_path / "x.jpg", format="png")
    assert wildgraph("view", demo.run, "--png", tmp_path / "x.svg").code == 2
    with pytest.raises(UsageError, match="is a folder — name a file"):
        api.picture(demo.run, tmp_path, format="png")
    assert not list(tmp_path.iterdir())
    assert api.picture(demo.run, tmp_path / "bare", format="png").read_bytes().startswith(HEADS["png"])
    outcome = wildgraph("view", demo.run / "graphs", "--png", tmp_path / "x.png", "--of", "lengths")
    assert outcome.code != 0
    assert succeed("view", demo.run / "graphs", "--png", tmp_path / "x.png").out


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'wildgraph\[pictures\]'"):
        draw_graph(graph("a", "b"))


def test_the_reader_s_own_settings_change_nothing_and_are_not_changed(tmp_path: Path):
    import matplotlib

    one = graph("a", "b", "c")
    save(draw_graph(one), tmp_path / "a.svg", "svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        save(draw_graph(one), tmp_path / "b.svg", "svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
