import pytest
from made_pairs import LEASE, MINUTES, document, pair, texts
from trainee import make_trainee

from wildgraph.corpus import EstimatedCounter, TokenizerCounter
from wildgraph.exporters.layout import choose_layout, lay_out
from wildgraph.records import Message, Rejection
from wildgraph.stages.measure import frame_tokens, measure

LEASED, MET = document(), document("minutes", MINUTES, title="Minutes of the committee")
BY_HASH = {one.hash: one for one in (LEASED, MET)}


def measured(*pairs, counter=None, margin=0.0):
    return list(measure(pairs, counter=counter or EstimatedCounter(), document=BY_HASH.__getitem__, margin=margin))


def test_the_whole_is_what_export_renders_and_the_tokenizer_makes_of_it(tmp_path):
    from transformers import AutoTokenizer

    known = AutoTokenizer.from_pretrained(str(make_trainee(tmp_path)))
    names = set()
    for index in range(40):
        made = pair(documents=(LEASED, MET)[: 1 + index % 2], index=index)
        (found,) = measured(made, counter=TokenizerCounter(tmp_path))
        chat = lay_out(made.turns, [LEASED, MET][: 1 + index % 2], seed=made.layout, language=made.language)
        assert found.n_tokens.total == len(known.apply_chat_template(chat, tokenize=True, return_dict=False))
        assert found.n_tokens.documents == sum(len(known(one.text).input_ids) for one in (LEASED, MET)[: 1 + index % 2])
        assert found.n_tokens.overhead > 0
        assert not found.n_tokens.estimated
        assert found.model_copy(update={"n_tokens": made.n_tokens}) == made
        names.add(choose_layout(made.layout).name)
    assert len(names) > 10


def test_an_instruction_that_a_layout_writes_twice_is_counted_twice():
    twice = next(one for one in range(200) if choose_layout(one).position == "both")
    once = next(one for one in range(200) if choose_layout(one).name == choose_layout(twice).name.replace("both", "last"))
    more = [measured(pair("word " * 500, layout=layout))[0].n_tokens.overhead for layout in (once, twice)]
    assert more[1] - more[0] == pytest.approx(500, abs=40)


def test_all_turns_of_a_dialogue_count():
    turns = tuple(Message(role=role, content=f"{role} says so") for role in ("user", "assistant") * 3)
    (found,) = measured(pair(turns=turns))
    assert found.n_tokens.instruction == found.n_tokens.response == 3 * EstimatedCounter().count("user says so")


def test_a_margin_raises_the_whole_and_stays_visible():
    plain, raised = (measured(pair(), margin=margin)[0].n_tokens for margin in (0.0, 0.25))
    assert (plain.documents, plain.response) == (raised.documents, raised.response)
    assert raised.total == pytest.approx(1.25 * plain.total, abs=1)
    assert plain.estimated


def test_rejections_pass_through_in_their_places():
    gone = Rejection(stage="adapt", item="3", reason="refused")
    assert measured(gone, pair(), gone)[::2] == [gone, gone]


def test_the_frame_bounds_what_stands_around_an_empty_sample(tmp_path):
    for counter in (EstimatedCounter(), TokenizerCounter(make_trainee(tmp_path))):
        least, most = frame_tokens(counter, "English")
        assert 0 < least < most < 200
        for index in range(100):
            (found,) = measured(pair("x", "x", index=index), counter=counter)
            bare = found.n_tokens.total - counter.count(LEASE)
            assert least <= bare <= most + 30  # the document's fence, and twice the instruction


def test_texts_are_looked_up_by_hash():
    assert texts(LEASED) == {"lease": LEASE}
    with pytest.raises(KeyError):
        measured(pair(documents=(document("other", "not kept"),), spans=()))
