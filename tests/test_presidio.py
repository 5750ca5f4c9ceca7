"""The masker that asks Presidio: the real one, with a spaCy model of the tests' own, since none can be had without a network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_runs import chat, rows, succeed, wildgraph, write_rows

from wildgraph.maskers import Masker, load_masker

pytest.importorskip("presidio_analyzer", reason="Presidio is not installed: pip install 'wildgraph[presidio]'")
OURS = "wildgraph.maskers.presidio"


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No spaCy model for English, wherever the tests run."""
    monkeypatch.delitem(sys.modules, OURS, raising=False)
    monkeypatch.setattr("spacy.util.is_package", lambda name: False)
    yield
    sys.modules.pop(OURS, None)


@pytest.fixture
def masker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Masker]:
    """With a model that knows one person."""
    import spacy

    name = "en_core_web_sm"
    made = spacy.blank("en")
    made.meta.update(name=name.removeprefix("en_"), version="3.8.0")
    made.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": [{"TEXT": "Jane"}, {"TEXT": "Roe"}]}])
    (tmp_path / name).mkdir()
    made.to_disk(tmp_path / name / "data")
    load = "from pathlib import Path\nimport spacy\n\n\ndef load(**more):\n    return spacy.load(Path(__file__).parent / 'data', **more)\n"
    (tmp_path / name / "__init__.py").write_text(load)
    (tmp_path / f"{name}-3.8.0.dist-info").mkdir()
    (tmp_path / f"{name}-3.8.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 3.8.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, OURS, raising=False)
    yield load_masker("presidio")
    for gone in (OURS, name):
        sys.modules.pop(gone, None)


def test_names_in_running_text_are_masked_beside_what_patterns_find(masker: Masker):
    text = "Please ask Jane Roe at jane@example.org, phone 212-555-0187, about the lease in Paris."
    found = masker(text, (text.index("about"), len(text)))
    assert found.text == "Please ask <PERSON> at <EMAIL>, phone <PHONE>, about the lease in Paris."
    assert found.counts == {"EMAIL": 1, "PERSON": 1, "PHONE": 1}
    assert [found.text[place:] for place in found.cuts] == ["about the lease in Paris.", ""]
    assert masker(found.text).text == found.text, "masking twice changes nothing"
    assert masker("").text == ""


def test_a_text_that_spacy_would_refuse_is_read_in_pieces(masker: Masker):
    text = "Jane Roe wrote. " * 70_000
    found = masker(text)
    assert found.text == "<PERSON> wrote. " * 70_000
    assert found.counts == {"PERSON": 70_000}
    word = "x" * 120_000
    assert masker(f"{word} Jane Roe").text == f"{word} <PERSON>"


@pytest.mark.usefixtures("no_model")
def test_a_model_that_is_missing_is_said_at_once_and_never_downloaded(tmp_path: Path):
    log = write_rows(tmp_path / "log.jsonl", [chat("Sum up the contract.")])
    (tmp_path / "config.yaml").write_text("mine: {masker: presidio}")
    outcome = wildgraph("build", log, "-o", tmp_path / "run", "--config", tmp_path / "config.yaml", "-q")
    assert outcome.code == 2
    assert "python -m spacy download en_core_web_lg" in outcome.error
    assert len(outcome.error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("remembered", "masker")
def test_a_build_masks_with_it(tmp_path: Path):
    texts = [f"Please summarize this lease between Jane Roe and company {n}: the tenant shall pay rent in month {n}." for n in range(6)]
    log = write_rows(tmp_path / "log.jsonl", [chat(text) for text in texts])
    (tmp_path / "config.yaml").write_text("mine: {masker: presidio}\ngraph: {min_support: 1, min_type_records: 1}")
    succeed("build", log, "-o", tmp_path / "run", "--config", tmp_path / "config.yaml", "-q")
    mined = "".join(map(str, rows(tmp_path / "run/private/mined.jsonl")))
    assert "between [person] and company" in mined
    assert "Roe" not in mined
