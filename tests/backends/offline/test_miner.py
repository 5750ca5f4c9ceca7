import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.backends.offline.miner import CUE_LANGUAGES, MinerSettings, OfflineMiner
from wildgraph.catalogue import empty_prior, load_prior, parse_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.fields import DEFAULT_FIELDS, MetaField
from wildgraph.stages.mine import answer_schema

HASHED = HashedEmbedder()


def ask(instruction, language="en", paste="", about=True, fields=DEFAULT_FIELDS):
    return {
        "instruction": instruction,
        "paste_head": paste,
        "paste_tail": "",
        "paste_chars": len(paste),
        "language": language,
        "about_document": about,
        "fields": [{"name": field.name, "description": field.description, "multi": field.multi, "limit": field.limit} for field in fields],
    }


def generals(answer):
    return {name: [one["general"] for one in value] if isinstance(value, list) else value["general"] for name, value in answer.items()}


@pytest.fixture(scope="module")
def miner(sentence_embedder):
    return OfflineMiner(load_prior(), sentence_embedder)


def mined(miner, *arguments, **more):
    (answer,) = miner.mine([ask(*arguments, **more)])
    return generals(answer)


# ----------------------------------------------------------------- what queries say


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (
            "Summarize the attached contract in a bullet list, please.",
            {"document_type": "contract", "task": ["summarize the document"], "output_format": "bullet list", "language_style": "polite"},
        ),
        (
            "Compare the two research papers and put the differences in a table.",
            {"document_type": "research paper", "task": ["compare documents"], "output_format": "table"},
        ),
        (
            "what does the lease say about pets",
            {"document_type": "contract", "task": ["answer a specific question"], "language_style": "casual"},
        ),
        ("List the action items of the meeting.", {"document_type": "meeting transcript", "task": ["list action items and decisions"]}),
    ],
)
def test_english_queries(miner, instruction, expected):
    found = mined(miner, instruction)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("language", "instruction"),
    [
        ("ru", "Сделай краткое содержание договора в виде таблицы"),
        ("de", "Fasse den Vertrag in einer Tabelle zusammen"),
        ("es", "Resume el contrato en una tabla"),
        ("pt", "Resuma o contrato em uma tabela"),
        ("fr", "Résume ce contrat dans un tableau"),
        ("zh", "请把这份合同总结成一个表格"),
        ("ja", "この契約を表に要約してください"),
    ],
)
def test_cues_work_in_every_language_that_the_engine_names(miner, language, instruction):
    found = mined(miner, instruction, language)
    assert found["document_type"] == "contract"
    assert "summarize the document" in found["task"]
    assert found["output_format"] == "table"


def test_the_languages_it_names_have_cues_and_no_others():
    spoken = {language for entry in load_prior() for language in entry.cues}
    assert spoken == set(CUE_LANGUAGES)


def test_the_paste_shows_its_type(miner):
    found = mined(
        miner, "sum this up", paste="This lease agreement is made between the landlord and the tenant, who shall pay the rent.", about=False
    )
    assert found["document_type"] == "contract"


@pytest.mark.parametrize(("about", "paste", "kind"), [(False, "", "none"), (True, "", "document"), (False, "zzz qqq", "document")])
def test_without_a_sign_of_its_kind_a_document_is_a_document(about, paste, kind):
    miner = OfflineMiner(load_prior(), HASHED, MinerSettings(type_similarity=9.0))
    assert mined(miner, "qqqq wwww", about=about, paste=paste)["document_type"] == kind


@pytest.mark.parametrize(
    ("instruction", "style"),
    [
        ("Please sum up the whole report in your own words, thank you.", "polite"),
        ("Sum up.", "terse"),
        ("sum it up pls", "casual"),
        ("Read the report.\n1. List the dates.\n2. List the names.\n3. Compare them.", "precise and structured"),
        ("I would like to know what the report has to say on the subject of the costs of the new bridge.", "plain"),
    ],
)
def test_styles_are_seen_from_the_form(miner, instruction, style):
    assert mined(miner, instruction)["language_style"] == style


def test_a_parent_beside_its_own_concept_says_nothing_new(miner):
    parents = {entry.concept.name: entry.concept.parent for entry in load_prior()}
    names = {entry.concept.id: entry.concept.name for entry in load_prior()}
    for instruction in (
        "Summarize and condense the text.",
        "Find and list the key points and quotations in the document.",
        "Rewrite and improve it.",
    ):
        for values in (value for value in mined(miner, instruction).values() if isinstance(value, list)):
            assert not {names.get(parents[value] or "") for value in values} & set(values)
            assert len(values) <= 3


# ----------------------------------------------------------------- the answer as such


anything = st.builds(
    ask,
    st.text(max_size=200) | st.lists(st.sampled_from(["summarize", "the contract", "table", ",", "\n", "1.", "please", "и"])).map(" ".join),
    st.sampled_from([*CUE_LANGUAGES, "und", "xx"]),
    st.text(max_size=60),
    st.booleans(),
)
HASHED_MINER = OfflineMiner(load_prior(), HASHED)


@settings(deadline=None, max_examples=60)
@given(st.lists(anything, min_size=1, max_size=4))
def test_every_answer_fits_the_schema_and_names_known_concepts(queries):
    answers = HASHED_MINER.mine(queries)
    assert len(answers) == len(queries)
    for answer in answers:
        answer_schema().model_validate(answer)
        for name, value in answer.items():
            known = {entry.concept.name for entry in load_prior().concepts.get(name, ())} | {
                "none",
                "document",
                "neutral",
                "plain",
                "short paragraph",
            }
            for one in value if isinstance(value, list) else [value]:
                assert name == "simplified_instruction" or one["general"] in known
                assert len(one["specific"]) <= 400
    # neighbours in a batch decide nothing
    assert [HASHED_MINER.mine([query])[0] for query in queries] == answers


def test_another_field_table_is_answered_field_by_field():
    fields = (
        MetaField(name="document_type", description=""),
        MetaField(name="task", description="", multi=True),
        MetaField(name="mood", description=""),
        MetaField(name="moods", description="", multi=True),
    )
    found = mined(HASHED_MINER, "Summarize the contract.", fields=fields)
    assert found["mood"] == "none"
    assert found["moods"] == []
    assert list(found) == ["document_type", "task", "mood", "moods"]


def test_an_empty_catalogue_knows_nothing():
    found = mined(OfflineMiner(empty_prior(), HASHED), "Summarize the contract.")
    assert (found["task"], found["document_type"], found["intent"]) == ([], "document", "none")


# ----------------------------------------------------------------- cues


CUES = parse_prior(
    (
        """
version: 1
fields:
  task:
    - {name: alpha, cues: {en: [act], de: [fass], zh: [总结]}}
    - {name: beta, cues: {en: [summar]}}
    - {name: gamma, cues: {en: [key points]}}
  document_type:
    - {name: contract, cues: {en: [contract]}}
    - {name: novel, cues: {en: [novel]}}
""",
        "test",
    )
)


def cued(instruction, language="xx"):
    """Tasks by cues alone: a language without embeddings falls back on English cues."""
    return mined(OfflineMiner(CUES, HASHED), instruction, language)["task"]


@pytest.mark.parametrize(
    ("instruction", "language", "tasks"),
    [
        ("the act", "xx", ["alpha"]),
        ("the actor, an exact fact", "xx", []),  # short cues are whole words
        ("a SUMMARY", "xx", ["beta"]),
        ("resummarize", "xx", []),  # cues are word beginnings
        ("key   points", "xx", ["gamma"]),
        ("points that are key", "xx", []),
        ("keypoints", "xx", []),
        ("请总结一下", "zh", ["alpha"]),
        ("请总结一下", "xx", []),
        ("fass es zusammen", "de", ["alpha"]),
        ("fass es zusammen", "xx", []),
    ],
)
def test_cues(instruction, language, tasks):
    assert cued(instruction, language) == tasks


def test_what_is_pointed_at_is_the_document_and_the_rest_its_subject():
    """'The attached novel' names the document; 'contract' is only what it is about."""
    miner = OfflineMiner(CUES, HASHED)
    assert mined(miner, "contract terms in the attached novel", "xx")["document_type"] == "novel"
    assert mined(miner, "novel ideas in the attached contract", "xx")["document_type"] == "contract"
