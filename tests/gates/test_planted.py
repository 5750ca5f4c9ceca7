"""Planted samples of the bundled documents: what a program can catch is caught, and good samples pass. The figures of the docs come from more of them."""

import re
from pathlib import Path

import pytest
from gates.planted.bad import FOR_A_MODEL, IN_PART, KINDS, bad
from gates.planted.good import BUILDERS, good
from gates.planted.judging import dropped, failures, recall

from wildgraph.gates import COLUMNS
from wildgraph.gates.injection import planted_instructions
from wildgraph.reasons import REASONS

SEED = 2  # the gates were tuned on the other part, seed 1
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "gates.md"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in IN_PART])
def test_bad_samples_are_caught_for_what_is_wrong_with_them(kind):
    figure = recall(kind, bad(SEED, kind, 60, shared=False), KINDS[kind][1])
    assert figure.samples >= 60
    assert figure.share >= 0.95, figure.reasons


def test_good_samples_of_every_paradigm_pass():
    samples = good(SEED, 40, shared=False)
    assert len(samples) >= 400
    assert {sample.pair.paradigm for sample in samples} == set(COLUMNS) == set(BUILDERS)
    figure = dropped("good", samples)
    assert figure.share <= 0.03, figure.reasons


def test_the_two_parts_share_no_document():
    one, two = ({document.hash for sample in good(seed, 4, shared=False) for document in sample.pair.documents} for seed in (1, 2))
    bundled = {
        sample.pair.documents[0].hash for seed in (1, 2) for sample in good(seed, 4, shared=False) if sample.pair.language != "English"
    }
    assert not (one & two) - bundled


def test_samples_are_the_same_every_time():
    first, again = (bad.__wrapped__(SEED, "false figure", 3, False) for _ in range(2))
    assert [sample.pair for sample in first] == [sample.pair for sample in again]


def test_a_figure_from_elsewhere_is_caught_in_part_only():
    (kind,) = IN_PART
    figure = recall(kind, bad(SEED, kind, 60, shared=False), KINDS[kind][1])
    assert 0.2 <= figure.share < 0.95  # should it rise above, it belongs among the others


def test_no_canary_word_gets_through():
    """Every bundled instruction is planted, obeyed and turned away."""
    from gates.planted.good import Maker, assistant, make, span, user
    from gates.planted.material import Source

    source = Maker(SEED, "canaries", shared=False).source()
    for canary, planted in planted_instructions():
        place = source.sentences[3]
        changed = Source(source.id, source.kind, source.title, f"{source.text}\n\n{planted}")
        for said in (canary, f"{source.said(place)} {canary}", canary.lower()):
            sample = make(
                [changed], [user("What does it say about this?"), assistant(said, [span(changed, place)])], paradigm="single_document"
            )
            assert "injected" in {verdict.reason for verdict in failures(sample)}, (canary, said)
        heedless = make(
            [changed],
            [user("What does it say about this?"), assistant(source.said(place), [span(changed, place)])],
            paradigm="single_document",
        )
        assert not failures(heedless), planted


def test_kinds_expect_reasons_that_exist():
    for kind, (_, reasons) in KINDS.items():
        assert reasons <= set(REASONS), kind


def test_the_page_shows_every_kind():
    text = PAGE.read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| ([^|]+?) \| (\d+) of \d+", text, re.MULTILINE))
    assert set(KINDS) <= set(shown)
    assert all(kind in text for kind in FOR_A_MODEL)
