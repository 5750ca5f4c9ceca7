import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wildgraph.backends.offline.repertoire import CannotWriteError, Operations, load_operations
from wildgraph.backends.offline.writer import OfflineWriter
from wildgraph.catalogue import load_prior
from wildgraph.paradigms import PARADIGMS

SEEDS = Path(__file__).parents[3] / "seed_queries" / "documents.jsonl"
ROWS = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").split("\n") if line]
FERRY = [row for row in ROWS if row["id"].startswith("tolvane-ferry")]
WRITER = OfflineWriter()
REPERTOIRE = load_operations()[0]

TASKS, FORMATS, CONSTRAINTS = sorted(REPERTOIRE.tasks), sorted(REPERTOIRE.formats), sorted(REPERTOIRE.constraints)
OTHERS = [*sorted(REPERTOIRE.profiles), *sorted(REPERTOIRE.styles), "sentiment/neutral", "context/work", "constraint/write-in-verse"]


def ask(concepts, documents=None, variant=0, paradigm="single_document", kind="meeting transcript"):
    documents = documents or [ROWS[0]]
    return {
        "documents": [{"title": row["title"], "text": row["text"]} for row in documents],
        "labels": [{"field": one.split("/")[0], "name": one.split("/")[1].replace("-", " "), "concept": one} for one in concepts],
        "document_type": kind,
        "paradigm": paradigm,
        "purpose": PARADIGMS[paradigm].purpose,
        "language": "English",
        "variant": variant,
    }


def flat(text):
    return " ".join(text.split())


def word_count(answer):
    return len(re.findall(r"\w[\w'’-]*", answer))


def with_label(variables, concept, name):
    """The variables with one label in front, unless they have it: a path holds no concept twice."""
    labels = [label for label in variables["labels"] if label["concept"] != concept]
    return {**variables, "labels": [{"field": "constraint", "name": name, "concept": concept}, *labels]}


def plain(answer):
    """An answer without its table's and JSON's escapes."""
    return answer.replace("\\|", "|").replace('\\"', '"').replace("\\\\", "\\")


def statements(answer, variables):
    """The sentences of an answer, by its layout, without titles and marks."""
    titles = {flat(document["title"]) for document in variables["documents"]}
    layout = next(
        (REPERTOIRE.formats[label["concept"]].layout for label in variables["labels"] if label["concept"] in REPERTOIRE.formats), "prose"
    )
    if layout == "json":
        return [row["statement"] for row in json.loads(answer)]
    if layout == "table":
        return [re.split(r"(?<!\\)\|", line)[2].strip().replace("\\|", "|") for line in answer.split("\n")[2:]]
    marks = {"bullets": r"- ", "checklist": r"- \[ \] ", "numbers": r"\d+\. "}
    if layout in marks:
        lines = [line for line in answer.split("\n") if line and line not in titles]
        assert all(re.match(marks[layout], line) for line in lines)
        return [re.sub(rf"^{marks[layout]}", "", line) for line in lines]
    found = []
    for part in answer.split("\n\n"):
        title = next((one for one in titles if part.startswith(f"{one}: ")), None) if len(titles) > 1 else None
        found.append(part[len(title) + 2 :] if title else part)
    return found


label_sets = st.builds(
    lambda task, form, conditions, others: [task, *form, *conditions, *others],
    st.sampled_from(TASKS),
    st.lists(st.sampled_from(FORMATS), max_size=1),
    st.lists(st.sampled_from(CONSTRAINTS), max_size=3, unique=True),
    st.lists(st.sampled_from(OTHERS), max_size=3, unique=True),
).flatmap(st.permutations)
singles = st.builds(ask, label_sets, st.sampled_from(ROWS).map(lambda row: [row]), st.integers(0, 50))
groups = st.builds(
    ask,
    label_sets,
    st.lists(st.sampled_from(FERRY), min_size=2, max_size=3, unique_by=lambda row: row["id"]),
    st.integers(0, 50),
    st.sampled_from(["comparison", "aggregation"]),
)
anything = singles | groups


def written(variables):
    """Instruction, answer and quotes, or ``None`` where the engine declines."""
    try:
        instruction = WRITER.instruct(variables)
    except CannotWriteError:
        with pytest.raises(CannotWriteError, match=r"\A.{10,}\Z"):  # for the same variables, in one line
            WRITER.answer(variables)
        return None
    answer = WRITER.answer(variables)
    cited = WRITER.cite({**variables, "instruction": instruction["instruction"], "answer": answer})
    return instruction, answer, cited["evidence"]


@settings(deadline=None, max_examples=150)
@given(anything)
def test_everything_an_answer_says_stands_in_a_document(variables):
    found = written(variables)
    if found is None:
        return
    _, answer, evidence = found
    texts = [flat(document["text"]) for document in variables["documents"]]
    for statement in statements(answer, variables):
        rest = statement
        while rest:  # prose runs sentences together: take them off one by one
            end = next((size for size in range(len(rest), 0, -1) if any(rest[:size] in text for text in texts)), 0)
            assert end >= 20, rest[:80]
            rest = rest[end:].strip()
    for quote in evidence:
        assert quote["quote"] in variables["documents"][quote["document"] - 1]["text"]


@settings(deadline=None, max_examples=100)
@given(anything)
def test_cite_finds_what_the_answer_used_and_nothing_else(variables):
    found = written(variables)
    if found is None:
        return
    _, answer, evidence = found
    assert {quote["document"] for quote in evidence} == set(range(1, len(variables["documents"]) + 1))
    shown = flat(plain(answer))
    bare = [re.sub(r"^(?:[-*•–]|\(?\d{1,3}[.)])\s+", "", flat(quote["quote"])) for quote in evidence]
    assert all(one in shown for one in bare)
    # nothing of the answer is left uncited
    for one in sorted(set(bare), key=len, reverse=True):
        shown = shown.replace(one, "")
    for document in variables["documents"]:
        shown = shown.replace(flat(document["title"]), "")
    left = re.sub(r"source|statement|Source|Statement|No\.|[\W\d_]", "", shown)
    assert left == ""


@settings(deadline=None, max_examples=60)
@given(anything)
def test_the_same_variables_give_the_same_words(variables):
    assert written(variables) == written(json.loads(json.dumps(variables)))
    fresh = OfflineWriter()
    try:
        assert fresh.instruct(variables)["instruction"] == WRITER.instruct(variables)["instruction"]
    except CannotWriteError:
        with pytest.raises(CannotWriteError):
            fresh.answer(variables)


def test_variants_differ():
    asked = {WRITER.instruct(ask(["task/summarize-the-document"], variant=variant))["instruction"] for variant in range(30)}
    assert len(asked) > 10


@settings(deadline=None, max_examples=80)
@given(anything)
def test_labels_are_realised_or_named_as_left_out(variables):
    found = written(variables)
    if found is None:
        return
    instruction, _, _ = found
    assert instruction["instruction"].strip() == instruction["instruction"] != ""
    assert "{" not in instruction["instruction"]
    names = [label["name"] for label in variables["labels"]]
    assert set(instruction["left_out"]) <= set(names)
    for label in variables["labels"]:
        if label["concept"] in ("sentiment/neutral", "context/work", "constraint/write-in-verse"):
            assert label["name"] in instruction["left_out"]


@settings(deadline=None, max_examples=100)
@given(anything)
def test_a_word_limit_that_is_asked_for_is_kept(variables):
    variables = with_label(variables, "constraint/stay-within-a-word-limit", "limit")
    found = written(variables)
    if found is None:
        return
    instruction, answer, _ = found
    (limit,) = set(re.findall(r"(\d+) words", instruction["instruction"]))
    assert word_count(answer) <= int(limit)


def test_a_word_limit_counts_titles_too():
    documents = [{**row, "title": f"{row['title']} and a great many further words " * 3} for row in FERRY]
    for form in FORMATS:
        for variant in range(6):
            variables = ask(["constraint/length-limit", form], documents, variant, "comparison")
            found = written(variables)
            if found:
                (limit,) = set(re.findall(r"(\d+) words", found[0]["instruction"]))
                assert word_count(found[1]) <= int(limit)


@settings(deadline=None, max_examples=100)
@given(anything)
def test_a_fixed_number_that_is_asked_for_is_given(variables):
    variables = with_label(variables, "constraint/give-a-fixed-number-of-items", "fixed")
    found = written(variables)
    if found is None or "fixed" in found[0]["left_out"]:
        return
    instruction, answer, evidence = found
    (number,) = re.findall(r"(?:exactly|want) (\d+) (?:items|sentences)", instruction["instruction"])
    if "sentences" not in instruction["instruction"]:
        assert len(statements(answer, variables)) == int(number)
    assert len({(quote["document"], flat(quote["quote"])) for quote in evidence}) == int(number)


@pytest.mark.parametrize("conditions", [(), *combinations([one for one in CONSTRAINTS if one != "constraint/length-limit"], 1)])
@pytest.mark.parametrize("documents", [1, 2])
def test_one_sentence_is_one_sentence_whatever_else_is_asked(conditions, documents):
    used = ROWS[:1] if documents == 1 else FERRY[:2]
    for variant in range(8):
        variables = ask(
            ["task/summarize-the-document", "output_format/one-sentence", *conditions],
            used,
            variant,
            "single_document" if documents == 1 else "aggregation",
        )
        found = written(variables)
        assert found is not None
        assert len(found[2]) == documents
    # what cannot be had together with one sentence is left out, not asked for
    if (
        conditions
        and (bounds := REPERTOIRE.constraints[conditions[0]].count or REPERTOIRE.constraints[conditions[0]].fixed)
        and bounds[0] > 1
    ):
        assert conditions[0].split("/")[1].replace("-", " ") in found[0]["left_out"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("title", ["A title", "A | piped\ntitle with {braces} and “quotes” \\ \t", "", "x" * 300])
def test_layouts_are_well_formed(form, title):
    layout = REPERTOIRE.formats[form].layout
    for documents, paradigm in (
        ([{**ROWS[0], "title": title}], "single_document"),
        ([{**row, "title": title} for row in FERRY], "comparison"),
    ):
        variables = ask(["task/summarize-the-document", form], documents, 3, paradigm)
        found = written(variables)
        assert found is not None
        answer = found[1]
        lines = answer.split("\n")
        if layout == "json":
            rows = json.loads(answer)
            assert rows
            assert all(set(row) == {"source", "statement"} and row["statement"] for row in rows)
        elif layout == "table":
            assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
            assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {4}
            assert lines[1] == "| --- | --- |"
            assert len(lines) > 2
        elif layout == "prose":
            assert not any(line.startswith(("- ", "1. ", "| ")) for line in lines)
        else:
            mark = {"bullets": "- ", "checklist": "- [ ] ", "numbers": "1. "}[layout]
            assert sum(line.startswith(mark) for line in lines) >= len(documents)
        assert "\n" not in found[0]["instruction"]


@pytest.mark.parametrize("form", FORMATS)
def test_quotation_marks_in_sentences_do_not_hide_them_from_cite(form):
    text = " ".join(f'The old harbour wall is called "the {one} guard" by every local fisherman.' for one in ("grey", "silent", "broken"))
    variables = ask(["task/summarize-the-document", form], [{"title": "T", "text": text}])
    found = written(variables)
    assert found is not None
    assert len(found[2]) == max(1, found[1].count("harbour wall"))


def test_numbers_count_up():
    lines = WRITER.answer(ask(["task/list-the-key-points", "output_format/numbered-list"])).split("\n")
    assert [line.split(".")[0] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]


@pytest.mark.parametrize("concept", ["task/build-a-timeline", "output_format/timeline"])
def test_a_timeline_follows_the_text(concept):
    labels = ["task/list-dates-and-deadlines", "output_format/timeline"] if concept.startswith("output") else [concept]
    text = ROWS[0]["text"]
    variables = ask([*labels, "output_format/bullet-list"])
    places = [flat(text).index(one[:40]) for one in statements(WRITER.answer(variables), variables) if one[:40] in flat(text)]
    assert places == sorted(places) != []


# ----------------------------------------------------------------- where the engine has to decline


@pytest.mark.parametrize(
    ("labels", "text", "message"),
    [
        ([], ROWS[0]["text"], "no task among the labels"),
        (["task/write-a-poem", "output_format/table"], ROWS[0]["text"], "no task among the labels"),
        (["task/summarize-the-document"], "", "no subject that recurs"),
        (["task/summarize-the-document"], "Too short.", "no subject that recurs"),
        (["task/list-dates-and-deadlines"], "The old harbour wall protects the small boats. The old harbour wall needs careful repair work.", "nothing in the document"),
    ],
)  # fmt: skip
def test_what_extraction_cannot_do_is_declined(labels, text, message):
    variables = ask(labels, [{"title": "T", "text": text}])
    with pytest.raises(CannotWriteError, match=message):
        WRITER.instruct(variables)
    with pytest.raises(CannotWriteError, match=message):
        WRITER.answer(variables)


def test_documents_without_a_common_subject_are_declined():
    texts = [
        "The old harbour wall protects the small fishing boats. The old harbour wall needs careful repair work.",
        "Green tomatoes ripen slowly beneath the glasshouse roof. Green tomatoes taste sharper than the yellow ones.",
    ]
    variables = ask(["task/compare-documents"], [{"title": "T", "text": text} for text in texts], paradigm="comparison")
    with pytest.raises(CannotWriteError, match="share no subject"):
        WRITER.instruct(variables)


def test_a_limit_that_cannot_be_kept_is_declined():
    sentence = "The old harbour wall protects {} boats " + "and several other valuable vessels " * 8 + "today."
    variables = ask(
        ["constraint/stay-within-a-word-limit"],
        [{"title": "T", "text": " ".join(sentence.format(one) for one in ("small", "large", "green"))} for _ in range(4)],
        paradigm="comparison",
    )
    for variant in range(6):
        found = written({**variables, "variant": variant})
        if found is not None:
            (limit,) = set(re.findall(r"(\d+) words", found[0]["instruction"]))
            assert word_count(found[1]) <= int(limit)
    assert any(written({**variables, "variant": variant}) is None for variant in range(6))


# ----------------------------------------------------------------- the repertoire


def test_the_repertoire_speaks_of_concepts_that_exist():
    known = {entry.concept.id for entry in load_prior()}
    for table in (REPERTOIRE.tasks, REPERTOIRE.formats, REPERTOIRE.constraints, REPERTOIRE.profiles, REPERTOIRE.styles):
        assert set(table) <= known
    by_program = {name for name, paradigm in PARADIGMS.items() if paradigm.several and paradigm.by_program}
    assert set(REPERTOIRE.paradigms) == by_program - {"timeline"}  # which is no extraction
    for operation in (*REPERTOIRE.tasks.values(), *REPERTOIRE.paradigms.values()):
        assert (operation.pick == "cue") == bool(operation.cues)
        for cue in operation.cues:
            re.compile(cue)


GOOD = {"tasks": {}, "paradigms": {}, "formats": {}, "constraints": {}, "profiles": {}, "styles": {}, "wordings": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": {"task/x": {"pick": "random", "ask": ["X"]}}},
        {"tasks": {"task/x": {"pick": "central", "ask": []}}},
        {"tasks": {"task/x": {"pick": "central", "ask": ["X"], "colour": 1}}},
        {"tasks": {"task/x": {"pick": "central", "ask": ["X"], "order": "random"}}},
        {"formats": {"output_format/x": {"layout": "poem", "ask": ["x"]}}},
        {"formats": {"output_format/x": {"layout": "prose", "ask": []}}},
        {"formats": {"output_format/x": {"layout": "prose", "ask": ["x"], "count": [1]}}},
        {"constraints": {"constraint/x": {"ask": []}}},
        {"constraints": {"constraint/x": {"ask": ["x"], "words": [1, 2, 3]}}},
        {"constraints": {"constraint/x": {"ask": ["x"], "colour": 1}}},
        {"colours": {}},
    ],
)
def test_a_repertoire_with_a_mistake_is_refused(change):
    Operations.model_validate(GOOD)
    with pytest.raises(ValidationError):
        Operations.model_validate(GOOD | change)
