import random

import pytest
from made_pairs import document, pair, worse

from wildgraph.exporters.preferences import LEAST, PreferenceFeatures
from wildgraph.exporting import write_datasets
from wildgraph.stages.export import ExportConfig

WORDS = [
    "the",
    "rent",
    "is",
    "due",
    "on",
    "first",
    "day",
    "of",
    "every",
    "month",
    "and",
    "a",
    "deposit",
    "comes",
    "back",
    "within",
    "thirty",
    "days",
    "after",
    "lease",
    "ends",
]


def told(pairs):
    features = PreferenceFeatures()
    for place, (chosen, rejected) in enumerate(pairs):
        features.add(f"pair {place}", chosen, rejected)
    return features.told()


def text(chance, words=20):
    said = " ".join(chance.choice(WORDS) for _ in range(words))
    return f"{said.capitalize()}."


def test_pairs_of_one_kind_cannot_be_told_apart():
    chance = random.Random(1)
    found = told((text(chance, chance.randint(15, 30)), text(chance, chance.randint(15, 30))) for _ in range(400))
    assert 0.4 < found.length.accuracy < 0.6
    assert 0.4 < found.style.accuracy < 0.6
    assert found.length.low < 0.5 < found.length.high


def test_length_is_told_and_style_is_not():
    chance = random.Random(2)
    found = told((text(chance, 30), text(chance, 20)) for _ in range(200))
    assert found.length.accuracy > 0.95
    assert found.style.accuracy < 0.65


@pytest.mark.parametrize("shape", ["- {}", "# {}", "{}\n\n{}", "**{}**", "{}?", "I think {}"])
def test_style_is_told_and_length_is_not(shape):
    chance = random.Random(3)
    pairs = [(shape.format(text(chance), text(chance)), text(chance, 20 if shape.count("{}") == 1 else 40)) for _ in range(200)]
    padded = [(chosen, rejected + " x" * ((len(chosen) - len(rejected)) // 2 + chance.randint(-3, 3))) for chosen, rejected in pairs]
    found = told(padded)
    assert found.style.accuracy > 0.9
    assert found.length.accuracy < 0.9


def test_which_answer_is_worse_and_not_which_comes_first():
    chance = random.Random(4)
    forward = [(text(chance, 30), text(chance, 20)) for _ in range(100)]
    assert told(forward).length.accuracy == told([(rejected, chosen) for chosen, rejected in forward]).length.accuracy > 0.95


def test_ties_are_coin_flips_and_few_pairs_say_nothing():
    same = told([("The same.", "The same.")] * 50)
    assert same.length.accuracy == same.style.accuracy == 0.5
    few = told([("Yes.", "No, never.")] * (LEAST - 1))
    assert (few.pairs, few.length, few.style) == (LEAST - 1, None, None)


def test_pairs_with_the_same_prompt_are_judged_together():
    features = PreferenceFeatures()
    for _ in range(100):
        features.add("one pair", "Short.", "A much longer answer than that.")
    assert features.told().length is None  # a hundred rejected answers to one prompt are one case


def test_the_card_and_the_result_warn(tmp_path):
    lease = document()

    def write(folder, answers, **settings):
        made = [
            pair(index=place, answer=chosen, spans=(), alternatives=(worse(rejected),)) for place, (chosen, rejected) in enumerate(answers)
        ]
        config = ExportConfig(to=("dpo",), **settings)
        return write_datasets(lambda: iter(made), folder, config, document=lambda _: lease), (folder / "README.md").read_text()

    chance = random.Random(5)
    different = [(text(chance, 30), text(chance, 20)) for _ in range(100)]
    written, card = write(tmp_path / "one", different)
    assert any("told apart by length alone" in note for note in written.notes)
    assert "**above 0.60**" in card
    alike = [(text(chance, chance.randint(15, 30)), text(chance, chance.randint(15, 30))) for _ in range(400)]
    written, card = write(tmp_path / "two", alike)
    assert not [note for note in written.notes if "told apart" in note]
    assert "| length alone | 0." in card
    assert "**above" not in card
    _, card = write(tmp_path / "three", alike[:5])
    assert "| length alone | not evaluated: too few pairs | |" in card
    assert not write(tmp_path / "four", different, max_pair_accuracy=1.0)[0].notes
