import json
from pathlib import Path

import pytest
from made_pairs import MINUTES, dialogue, document, evidence, exact, pair, worse
from tiny_trainee import TEMPLATE, save_tokenizer

from wildgraph.corpus import of_sample
from wildgraph.errors import UsageError
from wildgraph.exporters.sample import Sample
from wildgraph.exporters.trainee import Trainee
from wildgraph.exporting import write_datasets
from wildgraph.records import content_hash
from wildgraph.stages.export import ExportConfig

# White space at its ends, which some templates take off, and characters of several bytes.
MEETING = document("minutes", f"\n  {MINUTES} Änderungen: 東京 😀 fünf zu zwei.\n\n")
LEASE = document()
STORE = {one.hash: one for one in (LEASE, MEETING)}
TRIMMING = TEMPLATE.replace("message['content']", "message['content'] | trim")
UNMARKED = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + TEMPLATE
DROPS_SYSTEM = TEMPLATE.replace("<|{{ message['role'] }}|>\n", "{% if message['role'] != 'system' %}<|{{ message['role'] }}|>\n").replace(
    "{% endfor %}", "{% endif %}{% endfor %}"
)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizers")

    def make(name="plain", **more):
        place = folder / name
        return place if place.exists() else save_tokenizer(place, [LEASE.text, MEETING.text], **more)

    return make


def several(index=0):
    spans = (evidence(MEETING, "five votes to two"), evidence(LEASE, "2,400 euros"), evidence(MEETING, "東京 😀 fünf"))
    return pair(documents=(LEASE, MEETING), spans=spans, index=index)


def sample(of, folder):
    return Sample.of(of, of_sample(of.documents, STORE.__getitem__), Trainee(folder))


def load(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))


def chat(turns):
    return [{"role": turn.role, "content": turn.content} for turn in turns]


@pytest.mark.parametrize("template", [TEMPLATE, TRIMMING], ids=["plain", "trimming"])
@pytest.mark.parametrize("index", range(24))
def test_evidence_stands_where_its_tokens_say_in_every_layout(tokenizers, template, index):
    folder = tokenizers("trimming" if template is TRIMMING else "plain", template=template)
    made = sample(several(index), folder)
    tokenizer = load(folder)
    ids = tokenizer.apply_chat_template(chat(made.turns), return_dict=True)["input_ids"]
    assert made.measured.total == len(ids)
    assert len(made.measured.evidence) == 3
    for span, (first, behind) in zip(several().evidence, made.measured.evidence, strict=True):
        assert span.text in tokenizer.decode(ids[first:behind])
        assert span.text not in tokenizer.decode(ids[first + 1 : behind])
        assert span.text not in tokenizer.decode(ids[first : behind - 1])
    assert sum(made.measured.by_role.values()) < len(ids)
    assert json.loads(made.facts["evidence_tokens"]) == made.measured.evidence


def test_tokens_are_counted_by_role(tokenizers):
    made = sample(dialogue(), tokenizers())
    tokenizer = load(tokenizers())
    counts = {
        role: sum(len(tokenizer(turn.content, add_special_tokens=False)["input_ids"]) for turn in made.turns if turn.role == role)
        for role in ("system", "user", "assistant")
    }
    assert made.measured.by_role == counts
    assert made.facts["n_tokens_assistant"] == counts["assistant"] > 10
    assert made.facts["n_tokens_estimated"] is False
    assert made.facts["template"] == content_hash(TEMPLATE)
    assert made.facts["tokenizer"].startswith("tokenizer:plain@")


def test_lengths_of_prompts_are_those_of_what_is_answered(tokenizers):
    made = sample(several(), tokenizers())
    tokenizer = load(tokenizers())
    expected = len(tokenizer.apply_chat_template(chat(made.prompt), add_generation_prompt=True, return_dict=True)["input_ids"])
    assert made.measure.length("", made.prompt, answering=True) == expected


def write(folder, tokenizer, items=None, **settings):
    kept = items or [several(index) for index in range(6)]
    return write_datasets(lambda: iter(kept), folder, ExportConfig(validate_with=str(tokenizer), **settings), document=STORE.__getitem__)


def test_rows_that_the_model_cannot_take_are_named_and_nothing_is_written(tokenizers, tmp_path):
    short = tokenizers("short", length=200)
    items = [pair(index=index) for index in range(4)] + [several(9), several(8)]
    with pytest.raises(UsageError) as failed:
        write(tmp_path / "out", short, items)
    lengths = {one.id: sample(one, short).measured.total for one in items}
    over = {name for name, length in lengths.items() if length > 200}
    assert 0 < len(over) < 6
    assert all(f"{name} ({lengths[name]})" in str(failed.value) for name in over)
    assert f"{len(over)} rows are longer than the 200 tokens" in str(failed.value)
    assert not any(name in str(failed.value) for name in lengths.keys() - over)
    assert not (tmp_path / "out").exists()
    assert write(tmp_path / "out", short, [one for one in items if one.id not in over]).rows["sft"] == 6 - len(over)


def test_preference_rows_are_as_long_as_their_longer_answer(tokenizers, tmp_path):
    folder = tokenizers()
    long_answer = " ".join(["It is said that nothing is due."] * 50)
    write(tmp_path, folder, [pair(alternatives=(worse(long_answer), worse("No.")), checkers=(exact(),))], to=("dpo", "grpo"))
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "dpo/train-00000-of-00001.parquet").to_pylist()
    tokenizer = load(folder)
    for row in rows:
        both = [
            len(tokenizer.apply_chat_template(row["prompt"] + row[name], return_dict=True)["input_ids"]) for name in ("chosen", "rejected")
        ]
        assert row["n_tokens"] == max(both)
    (prompt,) = pq.read_table(tmp_path / "grpo/train-00000-of-00001.parquet").to_pylist()
    assert prompt["n_tokens"] == len(
        tokenizer.apply_chat_template(prompt["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
    )


def test_prompts_leave_room_for_their_answer_and_mixed_rows_are_named_with_their_file(tokenizers, tmp_path):
    asked = pair(checkers=(exact(),))
    length = sample(asked, tokenizers()).measured.total
    tight = tokenizers("tight", length=length - 2)  # the prompt alone fits
    with pytest.raises(UsageError, match=f"1 rows are longer than the {length - 2} tokens"):
        write(tmp_path / "out", tight, [asked], to=("grpo",))
    chats = tmp_path / "chats.jsonl"
    chats.write_text(json.dumps({"prompt": "word " * 500, "completion": "Yes."}) + "\n")
    with pytest.raises(UsageError, match=r"\w+ of chats.jsonl \(\d+\)"):
        write(tmp_path / "out", tokenizers("short", length=200), [pair(index=index) for index in range(3)], mix={str(chats): 0.25})


@pytest.mark.parametrize(
    ("name", "template", "says"),
    [
        ("none", None, "has no chat template"),
        ("refusing", NO_SYSTEM, "System role not supported"),
        ("dropping", DROPS_SYSTEM, "leaves out or changes what the system says"),
        ("broken", "{% for message in messages %}{{ message.content.nothing.at.all }}{% endfor %}", "not usable"),
    ],
)
def test_templates_that_cannot_be_used_are_errors(tokenizers, tmp_path, name, template, says):
    with pytest.raises(UsageError, match=says) as failed:
        write(tmp_path / "out", tokenizers(name, template=template))
    assert template is None or "row " in str(failed.value)
    assert not (tmp_path / "out").exists()


def test_folders_without_a_tokenizer_are_errors(tmp_path):
    with pytest.raises(UsageError, match="no tokenizer folder"):
        write(tmp_path / "out", tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="cannot load the tokenizer"):
        write(tmp_path / "out", tmp_path / "empty")
    broken = Trainee(save_tokenizer(tmp_path / "broken", [LEASE.text], length=0))
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(UsageError, match="cannot read"):
        _ = broken.limit


def test_a_template_that_does_not_mark_answers_is_warned_about(tokenizers, tmp_path):
    assert not any("generation" in note for note in write(tmp_path / "one", tokenizers()).notes)
    folder = tokenizers("unmarked", template=UNMARKED)
    (note,) = write(tmp_path / "two", folder).notes
    assert "{% generation %}" in note
    assert "needs no such mark" in note
    assert note in (tmp_path / "two/README.md").read_text()
    (note,) = write(tmp_path / "three", folder, [dialogue()]).notes
    assert "rows here train on several answers" in note


def test_a_template_that_puts_something_before_answers_in_prompts_only_is_warned_about(tokenizers, tmp_path):
    folder = tokenizers("thinking", template=TEMPLATE.replace("<|assistant|>\n{% endif %}", "<|assistant|>\n<think>{% endif %}"))
    (note,) = write(tmp_path, folder).notes
    assert "renders a prompt alone differently" in note


def test_a_length_that_nobody_states_is_said(tokenizers, tmp_path):
    (note,) = write(tmp_path, tokenizers("unlimited", length=0)).notes
    assert "how long a row the model takes" in note


def test_lengths_in_scripts_and_card_are_exact(tokenizers, tmp_path):
    write(tmp_path, tokenizers())
    longest = max(sample(several(index), tokenizers()).measured.total for index in range(6))
    script = (tmp_path / "trl_sft.py").read_text()
    (limit,) = (int(line.split(" = ")[1]) for line in script.splitlines() if line.startswith("MAX_LENGTH"))
    assert longest < limit <= longest + 64
    assert f"has {longest} tokens, counted with the trainee's tokenizer and template" in script
    body = (tmp_path / "README.md").read_text()
    assert f"chat template (hash `{content_hash(TEMPLATE)}`), whose model takes 4096 tokens" in body
    assert "(estimated)" not in body
    assert str(Path(tokenizers()).parent) not in body
