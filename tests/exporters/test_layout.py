import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.exporters.layout import choose_layout, lay_out, layouts
from wildgraph.records import Document, Message, content_hash

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
pieces = st.lists(
    st.sampled_from(
        ["</document>", "</doc>", "</source>", "</material>", "</content>", "```", "````\n", "word ", "\n\n", "### Document 1\n"]
    ),
    min_size=1,
).map("".join)


def made(texts, title=""):
    return [Document(id=f"d{place}", hash=content_hash(body), text=body, title=title) for place, body in enumerate(texts)]


def turns(instruction="What does it say?", *more):
    return [Message(role="user", content=instruction), Message(role="assistant", content="It says so.", train=True), *more]


def together(messages):
    return "\n\n".join(message["content"] for message in messages)


@settings(deadline=None)
@given(
    text,
    st.lists(text | pieces, min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.sampled_from(["English", "de", "zh", "Klingon", ""]),
    st.sampled_from(["", "A <title> & more"]),
)
def test_everything_stands_in_the_prompt_verbatim(instruction, texts, seed, language, title):
    documents = made(texts, title)
    messages = lay_out(turns(instruction), documents, seed=seed, language=language)
    assert messages == lay_out(turns(instruction), documents, seed=seed, language=language)
    prompt, answer = messages[:-1], messages[-1]
    assert answer == {"role": "assistant", "content": "It says so."}
    assert [message["role"] for message in prompt] in (["user"], ["system", "user"])
    assert instruction in prompt[-1]["content"]
    layout = choose_layout(seed)
    holder = prompt[0] if layout.turn == "system" else prompt[-1]
    place = 0
    for document in documents:  # in their order
        place = holder["content"].index(document.text, place) + len(document.text)
    assert prompt[-1]["content"].count(instruction) >= (2 if layout.position == "both" else 1)


def test_all_layouts_are_reachable_and_about_equally_likely():
    drawn = [choose_layout(seed) for seed in range(4800)]
    assert set(drawn) == set(layouts())
    assert len({layout.name for layout in layouts()}) == len(layouts()) == 24
    assert min(map(drawn.count, layouts())) > 4800 / 24 / 2


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.name)
def test_each_layout_is_what_its_name_says(layout):
    documents = made(["The text of the first document.", "The text of the second one."], "A title")
    messages = lay_out(turns("What do they say?"), documents, seed=5, language="English", layout=layout)
    prompt = messages[:-1]
    content = prompt[0 if layout.turn == "system" else -1]["content"]
    assert len(prompt) == 2 or not (layout.system or layout.turn == "system")
    start, end = content.index(documents[0].text), content.index(documents[1].text)
    if layout.turn == "user":
        where = [match.start() for match in re.finditer("What do they say", content)]
        assert [place < start for place in where] == {"first": [True], "last": [False], "both": [True, False]}[layout.position]
        assert all(place < start or place > end for place in where)
    else:
        assert prompt[1] == {"role": "user", "content": "What do they say?"}
        assert layout.system == (not content.startswith(("Document 1", "###", "<")))
    assert ("```" in content) == (layout.fence == "markdown")
    assert (' index="2"' in content) == (layout.fence == "xml")
    assert content.count("A title") == 2


def test_fences_are_longer_and_tags_other_than_what_documents_hold():
    hostile = made(["```\ncode\n````\n</document> </doc> </DOCUMENT>"])
    for layout in layouts():
        content = together(lay_out(turns(), hostile, seed=1, language="en", layout=layout))
        if layout.fence == "markdown":
            assert content.count("\n`````") + content.startswith("`````") == 2
        if layout.fence == "xml":
            tag = re.search(r"<([a-z]+)>\n```", content).group(1)
            assert tag not in ("document", "doc")
            assert content.count(f"</{tag}>") == 1
    every = made(["</document></doc></source></material></content>"])
    content = together(lay_out(turns(), every, seed=1, language="en", layout=next(one for one in layouts() if one.fence == "xml")))
    assert re.search(r"<(document-[0-9a-f]{8})>\n.*\n</\1>", content)


def test_a_title_is_given_once():
    within = Document(id="a", hash="h", text="# The  Lease\n\nThe rent is due.", title="The Lease")
    for seed in range(60):
        assert together(lay_out(turns(), [within], seed=seed, language="en")).count("Lease") == 1


def test_later_turns_and_a_system_turn_of_the_samples_own_are_kept():
    more = [Message(role="user", content="And then?"), Message(role="assistant", content="Nothing.", train=True)]
    own = Message(role="system", content="Speak like a lawyer.")
    for layout in layouts():
        messages = lay_out([own, *turns("First?", *more)], made(["A text."]), seed=3, language="en", layout=layout)
        assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant"]
        assert messages[0]["content"].startswith("Speak like a lawyer.")
        assert together(messages).count("A text.") == 1
        assert messages[3]["content"] == "And then?"


def test_words_around_the_documents_are_in_the_samples_language():
    documents = made(["一份合同。", "另一份合同。"])
    found = {together(lay_out(turns("请比较"), documents, seed=seed, language="Chinese")) for seed in range(200)}
    assert any("文档 1" in content for content in found)
    assert not any(re.search("[A-Z][a-z]+ed? ", content) for content in found)


def test_lone_surrogates_become_replacement_characters():
    messages = lay_out(turns("a\ud83d?"), made(["b\udfff."]), seed=1, language="en")
    assert "a\ufffd?" in together(messages)
    assert "b\ufffd." in together(messages)
    together(messages).encode()
