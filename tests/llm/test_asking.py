"""Asking about a stream of which some items need no asking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.backends.scripted import ScriptedModel
from wildgraph.llm import ChatRequest, Prompt, Template
from wildgraph.llm.asking import ask_about

TEMPLATE = Template("x", 1, "0", (("user", "{{ n }}"),))


def request(item):
    return ChatRequest(f"r{item}", Prompt(TEMPLATE, {"n": item})) if item % 2 else None


class AheadModel(ScriptedModel):
    """Pulls all its requests before it answers the first."""

    def map(self, requests):
        return super().map(list(requests))


@pytest.mark.parametrize("kind", [ScriptedModel, AheadModel])
@given(items=st.lists(st.integers(0, 50), unique=True))
def test_every_item_comes_in_its_place_with_its_own_answer(kind, items):
    model = kind(lambda asked: f"answer to {asked.prompt.variables['n']}")
    found = list(ask_about(items, request, model))
    assert [item for item, _ in found] == items
    for item, completion in found:
        assert (completion.text == f"answer to {item}") if item % 2 else completion is None
