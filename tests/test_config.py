import re

import pytest
import yaml

from wildgraph.config import Config, load_config
from wildgraph.errors import ConfigError, WildgraphError
from wildgraph.fields import DEFAULT_FIELDS


def written(tmp_path, text):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    return file


def refused(tmp_path, text, **overrides):
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, overrides)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_nothing_given_is_the_defaults(tmp_path):
    assert load_config() == Config() == load_config(written(tmp_path, "")) == load_config(written(tmp_path, "# nothing\n"))
    assert Config().model.name == "offline"
    assert Config().public() == {}


def test_a_file_and_overrides_and_the_overrides_win(tmp_path):
    file = written(tmp_path, "graph: {min_support: 5}\nwalk:\n  mode: markov\nmodel: {name: qwen}\n")
    config = load_config(file, {"graph.min_support": 7, "walk.multi": None, "sample.n": 12, "model.retry": ["timeout"]})
    assert (config.graph.min_support, config.walk.mode, config.sample.n, config.model.name) == (7, "markov", 12, "qwen")
    assert config.walk.multi == Config().walk.multi
    assert config.model.retry == ("timeout",)
    assert load_config(file).graph.min_support == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grpah: {min_support: 5}", "unknown configuration key 'grpah', set in run.yaml, line 1 — did you mean 'graph'?"),
        (
            "graph:\n  min_support: 5\n  min_suport: 5",
            "unknown configuration key 'graph.min_suport', set in run.yaml, line 3 — did you mean 'graph.min_support'?",
        ),
        ("\nmin_support: 5", "unknown configuration key 'min_support', set in run.yaml, line 2 — did you mean 'graph.min_support'?"),
        (
            "mine:\n  decoding: {\n  temprature: 0}",
            "unknown configuration key 'mine.decoding.temprature', set in run.yaml, line 3 — did you mean 'mine.decoding.temperature'?",
        ),
        (
            "adapt: {answer: {xyzzy: x}}",
            "unknown configuration key 'adapt.answer.xyzzy', set in run.yaml, line 1 — known here: temperature, top_p",
        ),
        ("api_key: sk-123", "unknown configuration key 'api_key', set in run.yaml, line 1 — known here: fields, embedder"),
        (
            "model: {api_key: sk-123}",
            "unknown configuration key 'model.api_key', set in run.yaml, line 1 — known here: name, backend, base_url",
        ),
        (
            "fields:\n- name: task\n  description: x\n  colour: red",
            "unknown configuration key 'fields.0.colour', set in run.yaml, line 4 — known here: name, description",
        ),
    ],
)
def test_an_unknown_key_is_an_error_with_a_suggestion(tmp_path, text, message):
    found = refused(tmp_path, text)
    assert found.replace(f"{tmp_path}/", "").startswith(message)
    assert "sk-123" not in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gate: {gates: [lenght]}", "no gate is called 'lenght' — did you mean 'length'?"),
        ("gate: {settings: {length: {least: 1}}}", "the gate length has no setting 'least'"),
        ("gate: {require: [jugde]}", "'jugde' is required, but does not judge"),
    ],
)
def test_what_gates_do_not_have_is_an_error_of_the_configuration_whatever_the_command(tmp_path, text, says):
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(WildgraphError, match=re.escape(says)):
        load_config(tmp_path / "run.yaml")


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("graph: {min_support: 0}", "graph.min_support", "greater than or equal to 1"),
        ("graph: {min_support: three}", "graph.min_support", "valid integer"),
        ("graph: {no_document: maybe}", "graph.no_document", "'drop' or 'keep'"),
        ("graph: 5", "graph", "must hold keys and values"),
        ("graph:", "graph", "must hold keys and values"),
        ("max_rejection_rate: 1.5", "max_rejection_rate", "less than or equal to 1"),
        ("max_rejection_rate: -0.1", "max_rejection_rate", "greater than or equal to 0"),
        ("model: {concurrency: 0}", "model.concurrency", "greater than or equal to 1"),
        ("model: {concurrency: 5000}", "model.concurrency", "less than or equal to 4096"),
        ("model: {structured: xml}", "model.structured", "'auto'"),
        ("model: {max_requests: -1}", "model.max_requests", "greater than or equal to 0"),
        ("model: {max_tokens: -1}", "model.max_tokens", "greater than or equal to 0"),
        ("model: {requests_per_minute: 0}", "model.requests_per_minute", "greater than 0"),
        ("model: {tokens_per_minute: 0}", "model.tokens_per_minute", "greater than 0"),
        ("model: {timeout: 0}", "model.timeout", "greater than 0"),
        ("model: {connect_timeout: -1}", "model.connect_timeout", "greater than 0"),
        ("model: {retry: [timeuot]}", "model.retry", "no rejection reason 'timeuot', did you mean 'timeout'?"),
        ("model: {retry: [zzzz]}", "model.retry", "no rejection reason 'zzzz', see the reference of reasons (got"),
        ("sample: {n: 0}", "sample.n", "greater than or equal to 1"),
        ("sample: {seed: -1}", "sample.seed", "greater than or equal to 0"),
        ("sample: {attempts: 0}", "sample.attempts", "greater than or equal to 1"),
        ("sample: {wave: 0}", "sample.wave", "greater than or equal to 1"),
        ("mine: {instruction_chars: 100}", "mine.instruction_chars", "greater than or equal to 200"),
        ("mine: {head_chars: -1}", "mine.head_chars", "greater than or equal to 0"),
        ("mine: {tail_chars: -1}", "mine.tail_chars", "greater than or equal to 0"),
        ("mine: {decoding: {temperature: 3}}", "mine.decoding.temperature", "less than or equal to 2"),
        ("mine: {decoding: {top_p: 0}}", "mine.decoding.top_p", "greater than 0"),
        ("mine: {decoding: {max_tokens: 0}}", "mine.decoding.max_tokens", "greater than or equal to 1"),
        ("canonicalize: {lifter: magic}", "canonicalize.lifter", "'auto', 'model' or 'likeness'"),
        ("canonicalize: {likeness: {cap: -0.1}}", "canonicalize.likeness.cap", "greater than or equal to 0"),
        ("canonicalize: {likeness: {cap: 1.1}}", "canonicalize.likeness.cap", "less than or equal to 1"),
        ("canonicalize: {likeness: {claim: 0}}", "canonicalize.likeness.claim", "greater than 0"),
        ("canonicalize: {likeness: {claim: 1.1}}", "canonicalize.likeness.claim", "less than or equal to 1"),
        ("canonicalize: {likeness: {grouped: 1}}", "canonicalize.likeness.grouped", "greater than or equal to 2"),
        ("canonicalize: {likeness: {cut: 0.5}}", "canonicalize.likeness.cut", "keys and values"),
        ("canonicalize: {likeness: {likeness: {nearest: 0}}}", "canonicalize.likeness.likeness.nearest", "greater than or equal to 1"),
        ("canonicalize: {by_model: {batch: 9}}", "canonicalize.by_model.batch", "greater than or equal to 10"),
        ("canonicalize: {by_model: {shown: 9}}", "canonicalize.by_model.shown", "greater than or equal to 10"),
        ("canonicalize: {by_model: {per_concept: 1}}", "canonicalize.by_model.per_concept", "greater than or equal to 2"),
        ("canonicalize: {by_model: {examples: 0}}", "canonicalize.by_model.examples", "greater than or equal to 1"),
        ("canonicalize: {by_model: {rounds: -1}}", "canonicalize.by_model.rounds", "greater than or equal to 0"),
        ("graph: {min_type_records: 0}", "graph.min_type_records", "greater than or equal to 1"),
        ("classify: {declared: 2}", "classify.declared", "less than or equal to 1"),
        ("walk: {temperature: 0}", "walk.temperature", "greater than 0"),
        ("walk: {temperature: .nan}", "walk.temperature", "finite"),
        ("walk: {temperature: .inf}", "walk.temperature", "finite"),
        ("model: {name: ''}", "model.name", "at least 1 character"),
        ("walk: {eps: 0}", "walk.eps", "greater than 0"),
        ("walk: {mode: drunk}", "walk.mode", "'history', 'markov' or 'coverage'"),
        ("walk: {min_length: 0}", "walk.min_length", "greater than or equal to 1"),
        ("walk: {max_length: 0}", "walk.max_length", "greater than or equal to 1"),
        ("walk: {min_length: 9}", "walk", "max_length is below min_length"),
        ("walk: {documents: [1, 4]}", "walk", "two numbers, at least 2, in order"),
        ("walk: {documents: [4, 2]}", "walk", "two numbers, at least 2, in order"),
        ("walk: {documents: [2]}", "walk.documents.1", "is missing — set in"),
        ("walk: {attribute_share: 0}", "walk.attribute_share", "greater than 0"),
        ("walk: {attribute_floor: 0}", "walk.attribute_floor", "greater than or equal to 1"),
        ("walk: {types: some}", "walk.types", "'proportional'"),
        ("walk: {novel: 2}", "walk.novel", "less than or equal to 1"),
        ("walk: {compose: -1}", "walk.compose", "greater than or equal to 0"),
        ("walk: {repeats: 0}", "walk.repeats", "greater than or equal to 1"),
        ("walk: {start: {}}", "walk.start", "at least 1"),
        ("walk: {start: {task: 0}}", "walk", "shares must be above 0"),
        ("walk: {multi: 1.1}", "walk.multi", "less than or equal to 1"),
        ("walk: {test_share: -1}", "walk.test_share", "greater than or equal to 0"),
        ("walk: {tries: 0}", "walk.tries", "greater than or equal to 1"),
        ("pair: {pool: 0}", "pair.pool", "greater than or equal to 1"),
        ("pair: {batch: 0}", "pair.batch", "greater than or equal to 1"),
        ("adapt: {max_evidence: 0}", "adapt.max_evidence", "greater than or equal to 1"),
        ("fields: [{name: task, description: x}]", "fields", "lacks 'document_type'"),
        ("fields: [{name: Task, description: x}]", "fields.0.name", "pattern"),
        ("{1: 2}", "1", "string"),
        (f"embedder: [{'x' * 4000}]", "embedder", "valid string"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(tmp_path, text, where, why):
    found = refused(tmp_path, text)
    assert found.startswith(f"configuration key '{where}'")
    assert why in found
    assert len(found) < 400
    assert "run.yaml" in found


def test_every_limit_in_the_table_is_passed_by_the_value_beside_it(tmp_path):
    text = """
graph: {min_support: 1, min_type_records: 1, no_document: keep}
max_rejection_rate: 1.0
model: {concurrency: 4096, max_requests: 0, max_tokens: 0, requests_per_minute: 0.1, retry: [timeout]}
sample: {n: 1, seed: 0, attempts: 1, wave: 1}
mine: {instruction_chars: 200, head_chars: 0, tail_chars: 0, decoding: {temperature: 2, top_p: 1, max_tokens: 1}}
canonicalize: {likeness: {cap: 0.0, claim: 1.0, grouped: 2}, by_model: {batch: 10, shown: 10, per_concept: 2, examples: 1, rounds: 0}}
walk: {min_length: 1, max_length: 1, documents: [2, 2], multi: 1.0, test_share: 0.0, tries: 1, attribute_share: 1.0, attribute_floor: 1}
pair: {pool: 1, batch: 1}
"""
    config = load_config(written(tmp_path, text))
    assert config.public()["walk"]["documents"] == [2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- graph\n- walk\n", "must hold keys and values"),
        ("graph", "must hold keys and values"),
        ("5", "must hold keys and values"),
        ("graph: {min_support: 5", "is not YAML"),
        ("a: b: c", "is not YAML"),
        ("graph:\n\tmin_support: 5", "is not YAML"),
        ("!!python/object/apply:os.getcwd []", "is not YAML"),
        ("{[1]: 2}", "is not YAML"),
        ("a: \x00", "is not YAML"),
        ("[" * 5000, "is nested too deeply"),
    ],
)
def test_what_is_no_configuration_is_an_error_of_one_line(tmp_path, text, message):
    assert message in refused(tmp_path, text)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"embedder: \xe9")
    for name in ("missing.yaml", "latin.yaml", ""):
        with pytest.raises(ConfigError, match="cannot read the configuration"):
            load_config(tmp_path / name)


@pytest.mark.parametrize("text", ["graph: 5", "graph:"])
def test_an_override_cannot_go_below_a_plain_value(tmp_path, text):
    found = refused(tmp_path, text, **{"graph.min_support": 3})
    assert "graph must hold keys and values" in found


def test_an_unknown_override_is_an_error_too():
    with pytest.raises(ConfigError, match=r"unknown configuration key 'graph.k'"):
        load_config(overrides={"graph.k": 3})
    with pytest.raises(ConfigError, match="given as an option"):
        load_config(overrides={"graph.min_support": 0})


def test_one_field_table_reaches_every_stage_that_needs_it(tmp_path):
    rows = [field.model_dump() for field in DEFAULT_FIELDS if field.name not in ("sentiment", "intent")]
    config = load_config(written(tmp_path, yaml.safe_dump({"fields": rows})))
    for stage in (config.mine, config.canonicalize, config.walk):
        assert stage.fields == config.fields
        assert len(stage.fields) == len(DEFAULT_FIELDS) - 2
    assert [row["name"] for row in config.public()["fields"]] == [row["name"] for row in rows]


@pytest.mark.parametrize("stage", ["mine", "canonicalize", "walk"])
def test_a_stage_has_no_field_table_of_its_own(tmp_path, stage):
    found = refused(tmp_path, yaml.safe_dump({stage: {"fields": [{"name": "task", "description": ""}]}}))
    assert found == f"{stage} has no field table of its own — write `fields:` at the top of the configuration"


def test_what_is_shown_in_the_manifest_holds_no_address_and_no_default():
    config = load_config(
        overrides={
            "model.base_url": "https://user:secret@host/v1", "model.name": "qwen", "model.concurrency": 3, "walk.mode": "markov",
            "model.retry": ["timeout"],
        }
    )  # fmt: skip
    assert config.public() == {"model": {"name": "qwen"}, "walk": {"mode": "markov"}}


def test_what_is_wrong_says_where_it_was_set(tmp_path):
    text = "graph:\n  min_support: 3\nwalk:\n  multi: 7\n"
    assert refused(tmp_path, text).endswith(f"(got 7) — set in {tmp_path / 'run.yaml'}, line 4")
    assert refused(tmp_path, text, **{"walk.multi": 8}).endswith("(got 8) — given as an option")
    assert refused(tmp_path, text, **{"walk.multi": 0.5, "walk.paradigms": ["comparisn"]}).endswith(
        "there is no paradigm 'comparisn', did you mean 'comparison'? (got ['comparisn']) — given as an option"
    )
    of_both = refused(tmp_path, "walk:\n  min_length: 9\n", **{"walk.max_length": 8})
    assert of_both.endswith(f"— set in {tmp_path / 'run.yaml'}, line 1 and given as an option")
    assert refused(tmp_path, "graph: {min_support: 3}\nwalk: {eps: .nan}").endswith("line 2")


def test_yaml_that_is_none_names_the_line(tmp_path):
    found = refused(tmp_path, "graph:\n  min_support: 3\n bad: [\n")
    assert found.replace(f"{tmp_path}/", "").startswith("run.yaml is not YAML, line 3: expected <block end>")
    assert "unicode string" not in found
    assert refused(tmp_path, "\tgraph: 3").replace(f"{tmp_path}/", "").startswith("run.yaml is not YAML, line 1: found character")
