from importlib import metadata

import pytest

from wildgraph import registry
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import UsageError
from wildgraph.paradigms import PARADIGMS, Paradigm
from wildgraph.registry import BUILT_IN, EXTRAS, load, registered


@pytest.fixture(autouse=True)
def no_memory():
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, found in BUILT_IN.items() for name in found if (kind, name) not in EXTRAS]
)
def test_every_built_in_can_be_loaded(kind, name):
    """Those that need an extra have tests of their own."""
    made = load(kind, name)
    assert isinstance(made, Paradigm) if kind == "paradigms" else callable(made)


def test_a_name_gives_the_class():
    assert load("embedders", "hashed") is HashedEmbedder


def test_an_unknown_name_suggests_the_nearest_one():
    with pytest.raises(UsageError, match=r"no reader is called 'wildchta' — did you mean 'wildchat'\?"):
        load("readers", "wildchta")


def test_a_name_like_none_lists_what_there_is():
    with pytest.raises(UsageError, match="there are sft"):
        load("exporters", "zzzzzz")


def entry_points(monkeypatch, group="wildgraph.embedders", **values):
    points = [metadata.EntryPoint(name, value, group) for name, value in values.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group, there=group: points if group == there else [])


def test_entry_points_load_like_built_ins_and_cannot_take_their_names(monkeypatch):
    entry_points(monkeypatch, zz="wildgraph.embedders.hashed:HashedEmbedder", aa="collections:Counter", sentence="os:getcwd")
    assert list(registered("embedders")) == ["sentence", "hashed", "aa", "zz"]
    assert load("embedders", "zz") is HashedEmbedder
    assert load("embedders", "sentence").__name__ == "SentenceEmbedder"


@pytest.mark.parametrize("value", ["no_such_package.module:Thing", "wildgraph.embedders.hashed:NoSuchClass", "wildgraph.embedders.hashed"])
def test_a_plug_in_that_cannot_be_loaded_is_an_error_of_one_line(monkeypatch, value):
    entry_points(monkeypatch, broken=value)
    with pytest.raises(UsageError, match="embedder 'broken' cannot be loaded") as caught:
        load("embedders", "broken")
    assert "\n" not in str(caught.value)


def test_nothing_is_imported_before_it_is_used(monkeypatch):
    entry_points(monkeypatch, broken="no_such_package.module:Thing")
    assert "broken" in registered("embedders")


def test_a_paradigm_of_another_package_is_one_like_the_others_and_bears_its_own_name(monkeypatch):
    entry_points(monkeypatch, "wildgraph.paradigms", briefing="wildgraph.paradigms.synthesis:SYNTHESIS", odd="collections:Counter")
    assert list(PARADIGMS)[-2:] == ["briefing", "odd"]
    assert "nothing" not in PARADIGMS
    with pytest.raises(UsageError, match="registered as 'briefing' calls itself 'synthesis' — give both one name"):
        PARADIGMS["briefing"]
    with pytest.raises(UsageError, match=r"the paradigm 'odd' is no wildgraph\.paradigms\.Paradigm but a type"):
        PARADIGMS["odd"]


def test_a_kind_without_any_says_so():
    with pytest.raises(UsageError, match="no backend is called 'x' — no package that is installed adds backends"):
        load("backends", "x")
