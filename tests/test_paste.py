"""Finding pasted documents and mentions of documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.paste import segment

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
LABELS = Path(__file__).parent / "stages" / "paste_labels.jsonl"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not beside the repository")

ENGLISH = (
    "The river rose by two metres overnight. Farmers moved their herds to higher ground. By noon the bridge had been closed to traffic."
)
RUSSIAN = "За ночь река поднялась на два метра. Фермеры перегнали стада выше. К полудню мост закрыли для движения, и люди остались дома."
CHINESE = "一夜之间河水上涨了两米。农民把牲畜赶到高处。到中午，大桥已经禁止通行，居民只能留在家中等待救援。"
CODE = "def add(a, b):\n    return a + b\n\nfor i in range(10):\n    print(add(i, 1))"


@pytest.mark.parametrize(
    ("before", "document", "after"),
    [
        ("Summarize the following article:\n\n", ENGLISH, ""),
        ("Please paraphrase this text: ", ENGLISH, ""),
        ("Proofread the text below.\n\n", ENGLISH, "\n\nGive only the corrected version."),
        ("", ENGLISH, "\n\nTranslate this text into German."),
        ("Перефразируй текст: ", RUSSIAN, ""),
        ("Сократи текст ", RUSSIAN, ""),
        ("", RUSSIAN, "\nПерескажи этот текст своими словами."),
        ("请总结以下文章：", CHINESE, ""),
        ("", CHINESE, "请把这段文字翻译成英文。"),
        ("Traduce el siguiente texto al inglés:\n", "El río subió dos metros durante la noche. Los ganaderos llevaron sus rebaños a terrenos altos.", ""),
        ("перефразируй ", f"«{RUSSIAN}»", ""),
        ("Why is this slow?\n\n", f"```python\n{CODE}\n```", ""),
        ("Here is my code:\n", f"```\n{CODE}\n```", "\nHow do I make it faster?"),
        ("Explain the code below\n\n", CODE, ""),
        ("Sum up this chat.\n\n", "Ann: Hello there.\nBob: Hi, can you help me with the order?\nAnn: Sure, tell me the number.\nBob: It is 17.", ""),
        ("Which month was best?\n", "month\tsales\tcosts\nJanuary\t10\t5\nFebruary\t20\t6\nMarch\t15\t7", ""),
        ("", "\n".join([ENGLISH] * 4), ""),
    ],
)  # fmt: skip
def test_the_instruction_stands_before_after_around_or_nowhere(before: str, document: str, after: str) -> None:
    paste = segment(before + document + after).paste
    assert paste is not None
    assert (before + document + after)[paste.start : paste.end] == document


@pytest.mark.parametrize(
    "query",
    [
        "Write a short story about a fox.",
        "What is the capital of France?",
        "Напиши текст песни о весне",
        "写一篇关于春天的文章",
        "I have been feeling tired lately and my doctor says I should sleep more. I go to bed at ten. What else can I do?",
        "Write a novel. Every character in this chapter is a woman. Make it funny and give it a good ending.",
        "Create a function that takes two lists and returns their union. It should be fast. Use Python.",
        "",
        "   \n ",
    ],
)
def test_queries_without_a_document(query: str) -> None:
    found = segment(query)
    assert found.paste is None
    assert found.mentions is False


@pytest.mark.parametrize(
    "query",
    [
        "Summarize the attached contract.",
        "What does the agreement say about termination?",
        "Who wrote this article?",
        "Проанализируй текст",
        "Какова главная мысль этой статьи?",
        "这篇文章讲了什么？",
        "Résume le document ci-joint.",
        "Fasse das folgende Dokument zusammen",
        "Resume el documento adjunto",
        "Resuma o seguinte artigo",
        "Riassumi questo documento",
        "この文章を要約して",
        "다음 글을 요약해줘",
        "لخص النص التالي",
        "Bu metni özetle",
        "Streść poniższy tekst",
        "Dịch văn bản sau",
    ],
)
def test_mentions_in_many_languages(query: str) -> None:
    assert segment(query).mentions


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Summarize this: ", '"', "```\n", "\n", "a b. ", "«", "»", "：", "x = 1;\n", "[A]\n", "Bob: hi\n", "?", "文。", " "]
        )
        | st.text(max_size=6),
        max_size=40,
    ).map("".join)
)
def test_any_text_is_segmented(text: str) -> None:
    paste = segment(text).paste
    if paste is not None:
        piece = text[paste.start : paste.end]
        assert piece
        assert piece.strip()


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        '"a ',
        "«",
        "```\n",
        "```a\n",
        "\n",
        ": ",
        "ab: ",
        "the following ",
        "\t",
        "|",
        "a,",
        "A B: ",
        " ",
        "在",
        "(",
        "1 2 3 ",
        "<a ",
        '"""',
        "[",
        "if ",
        "a=b ",
    ],
)
def test_hostile_repetition_comes_to_an_end(unit: str) -> None:
    """A pattern that backtracks over the whole text would not come back from 100,000 characters in hours."""
    text = unit * (100_000 // len(unit))
    paste = segment(text).paste
    assert paste is None or paste.end <= len(text)


@real
def test_labelled_real_queries() -> None:
    """Labels by one reader; offsets only, no text. 117 of 260 paste or mean a document."""
    import pandas as pd

    texts = pd.read_parquet(SHARED / "queries.parquet", columns=["id", "text"]).set_index("id")["text"]
    labels = [json.loads(line) for line in LABELS.read_text().splitlines()]
    found = {label["id"]: segment(texts[label["id"]]) for label in labels}
    flagged = {name for name, seen in found.items() if seen.paste is not None or seen.mentions}
    truly = {label["id"] for label in labels if label["refers"]}
    assert len(flagged & truly) / len(truly) > 0.93
    assert len(flagged & truly) / len(flagged) > 0.82
    overlaps = []
    for label in labels:
        if "paste" in label:
            paste, (start, end) = found[label["id"]].paste, label["paste"]
            shared = 0 if paste is None else max(0, min(paste.end, end) - max(paste.start, start))
            overlaps.append(shared / max(end - start, 0 if paste is None else paste.end - paste.start))
    assert sum(overlap >= 0.9 for overlap in overlaps) / len(overlaps) > 0.93
