"""Hand-made answers for each of IFEval's 25 types: passing, failing, in several scripts, empty and adversarial ones."""

import json
from collections import Counter
from pathlib import Path

import pytest

from wildgraph.checkers import Context, check, load_check
from wildgraph.errors import InputError
from wildgraph.registry import registered

PASS, FAIL, UNDECIDED, NOT_APPLICABLE = "pass", "fail", "undecided", "not_applicable"

ENGLISH = "The committee met in the town hall and talked about the budget of the coming year."
RUSSIAN = "Комитет собрался в ратуше и обсудил бюджет на следующий год, а затем разошёлся."
CHINESE = "委员会在市政厅开会，讨论了明年的预算，然后大家都回家了。"
GERMAN = "Der Ausschuss hat sich im Rathaus getroffen und über den Haushalt des nächsten Jahres gesprochen."

#: type -> [(arguments, answer, verdict)]
CASES = {
    "keywords:existence": [
        ({"keywords": ["cat", "Dog"]}, "Cats chase the dog.", PASS),
        ({"keywords": ["Straße"]}, "In der STRASSE steht ein Haus.", PASS),
        ({"keywords": ["市政厅"]}, CHINESE, PASS),
        ({"keywords": ["new york"]}, "I love New\nYork.", PASS),
        ({"keywords": ["cat", "dog"]}, "Cats only.", FAIL),
        ({"keywords": ["c.t"]}, "cat", FAIL),
        ({"keywords": ["cat"]}, "", FAIL),
        ({"keywords": ["cat"]}, "c\u0430t with a Cyrillic letter", FAIL),
    ],
    "keywords:frequency": [
        ({"keyword": "tea", "frequency": 2, "relation": "at least"}, "Tea is tea.", PASS),
        ({"keyword": "tea", "frequency": 2, "relation": "less than"}, "One tea.", PASS),
        ({"keyword": "бюджет", "frequency": 2}, "БЮДЖЕТ и бюджетный комитет", PASS),
        ({"keyword": "tea", "frequency": 3}, "Tea is tea.", FAIL),
        ({"keyword": "tea", "frequency": 2, "relation": "less than"}, "tea tea", FAIL),
        ({"keyword": "tea", "frequency": 2, "relation": "less than"}, " \n\u200b", FAIL),
        ({"keyword": "a+", "frequency": 1}, "aaaa", FAIL),
    ],
    "keywords:forbidden_words": [
        ({"forbidden_words": ["kill", "step"]}, "Skills and steps.", PASS),
        ({"forbidden_words": ["дом"]}, "Домашний уют", PASS),
        ({"forbidden_words": ["kill"]}, "They KILL time.", FAIL),
        ({"forbidden_words": ["预算"]}, CHINESE, FAIL),
        ({"forbidden_words": ["kill"]}, "ｋｉｌｌ in full width", FAIL),
        ({"forbidden_words": ["kill"]}, "", FAIL),
    ],
    "keywords:letter_frequency": [
        ({"letter": "a", "let_frequency": 3, "let_relation": "at least"}, "Banana", PASS),
        ({"letter": "A", "let_frequency": 4, "let_relation": "less than"}, "banana", PASS),
        ({"letter": "ж", "let_frequency": 2}, "Жужжит", PASS),
        ({"letter": "a", "let_frequency": 4}, "Banana", FAIL),
        ({"letter": "a", "let_frequency": 1}, "á\u0430", FAIL),
        ({"letter": "z", "let_frequency": 1, "let_relation": "less than"}, "", FAIL),
    ],
    "language:response_language": [
        ({"language": "de"}, GERMAN, PASS),
        ({"language": "ru"}, RUSSIAN, PASS),
        ({"language": "zh"}, CHINESE, PASS),
        ({"language": "zh"}, "委员会在市政厅。", PASS),
        ({"language": "English"}, ENGLISH, PASS),
        ({"language": "de"}, ENGLISH, FAIL),
        ({"language": "en"}, RUSSIAN, FAIL),
        ({"language": "hi"}, "", FAIL),
        ({"language": "de"}, "Hallo", UNDECIDED),
        ({"language": "en"}, "3.14 = 22/7 (!)", UNDECIDED),
    ],
    "length_constraints:number_words": [
        ({"num_words": 4, "relation": "at least"}, "I can't stop now", PASS),
        ({"num_words": 4, "relation": "less than"}, "It’s 3.5 km", PASS),
        ({"num_words": 4}, "两个词语", PASS),
        ({"num_words": 5}, "I can't stop now", FAIL),
        ({"num_words": 3, "relation": "less than"}, "one - two — three", FAIL),
        ({"num_words": 3, "relation": "less than"}, "\u200b\n", FAIL),
        ({"num_words": 2}, "one" + "\u0301" * 500, FAIL),
    ],
    "length_constraints:number_sentences": [
        ({"num_sentences": 3, "relation": "at least"}, "One. Two! Three?", PASS),
        ({"num_sentences": 2, "relation": "less than"}, "It cost 3.5 million, i.e. much.", PASS),
        ({"num_sentences": 2}, "开会了。散会了！", PASS),
        ({"num_sentences": 2}, "पहला वाक्य। दूसरा वाक्य।", PASS),
        ({"num_sentences": 3}, "One. Two!", FAIL),
        ({"num_sentences": 2}, "No end... ... ... !!! ???", FAIL),
        ({"num_sentences": 2, "relation": "less than"}, "", FAIL),
        ({"num_sentences": 2, "relation": "less than"}, "- one\n- two", FAIL),
    ],
    "length_constraints:number_paragraphs": [
        ({"num_paragraphs": 2}, "One.\n***\nTwo.", PASS),
        ({"num_paragraphs": 2}, "***\r\nПервый.\r\n * * * \r\nВторой.\r\n***", PASS),
        ({"num_paragraphs": 1}, "Only ***bold*** here.", PASS),
        ({"num_paragraphs": 2}, "One.\n\nTwo.", FAIL),
        ({"num_paragraphs": 2}, "One.\n***\n***\nTwo.", FAIL),
        ({"num_paragraphs": 1}, "***", FAIL),
        ({"num_paragraphs": 1}, "", FAIL),
        ({"num_paragraphs": 2}, "One. *** Two.", FAIL),
    ],
    "length_constraints:nth_paragraph_first_word": [
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "elm"}, "One.\n\n**Elm** trees.", PASS),
        ({"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "Президент"}, "«президент» сказал.\n \t\nИ всё.", PASS),
        ({"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "委员会"}, CHINESE, PASS),
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "elm"}, "Elm.\n\nOne.", FAIL),
        ({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "elm"}, "One.\n\nElms.", FAIL),
        ({"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "elm"}, "Elm.\nOne.", FAIL),
        ({"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "elm"}, "", FAIL),
    ],
    "detectable_content:number_placeholders": [
        ({"num_placeholders": 2}, "Dear [name], from [your address].", PASS),
        ({"num_placeholders": 2}, "您好【姓名】，地址：［地址］", PASS),
        ({"num_placeholders": 2}, "Dear [name].", FAIL),
        ({"num_placeholders": 1}, "- [x] done\n- [ ] open, see [this page](http://a.b)", FAIL),
        ({"num_placeholders": 1}, "[" * 1000 + "]" * 1000, FAIL),
        ({"num_placeholders": 1}, "", FAIL),
    ],
    "detectable_content:postscript": [
        ({"postscript_marker": "P.S."}, "Bye.\n\nP.S. Call me.", PASS),
        ({"postscript_marker": "P.P.S"}, "Bye.\n**p. p. s.** Call me.", PASS),
        ({"postscript_marker": "З.Ы."}, "Пока.\nз.ы. Звони.", PASS),
        ({"postscript_marker": "P.S."}, "Bye.\nP.S.\nCall me.", PASS),
        ({"postscript_marker": "P.S."}, "The P.S. is missing.", FAIL),
        ({"postscript_marker": "P.S."}, "Bye.\nP.S.\n \u2028!", FAIL),
        ({"postscript_marker": "P.S."}, "Bye.\nPST is a time zone.", FAIL),
        ({"postscript_marker": "P.P.S"}, "P.S. Call me.", FAIL),
        ({"postscript_marker": "P.S."}, "", FAIL),
    ],
    "detectable_format:number_bullet_lists": [
        ({"num_bullets": 2}, "Here:\n* one\n* two", PASS),
        ({"num_bullets": 3}, "- **один**\n  + два\n• три\n\n---\n* * *", PASS),
        ({"num_bullets": 2}, "* one\n* two\n* three", FAIL),
        ({"num_bullets": 2}, "1. one\n2. two", FAIL),
        ({"num_bullets": 1}, "*emphasis* and -5 degrees", FAIL),
        ({"num_bullets": 0}, "", FAIL),
    ],
    "detectable_format:constrained_response": [
        ({}, "My answer is yes.", PASS),
        ({}, "Well... MY  ANSWER\nIS NO. Sorry.", PASS),
        ({"options": ["Мой ответ: да", "Мой ответ: нет"]}, "мой ответ: ДА!", PASS),
        ({}, "Yes.", FAIL),
        ({}, "My answer is yes. My answer is no.", FAIL),
        ({}, "", FAIL),
    ],
    "detectable_format:number_highlighted_sections": [
        ({"num_highlights": 2}, "*one* and **two**", PASS),
        ({"num_highlights": 2}, "这是*重点*，那是***另一个重点***。", PASS),
        ({"num_highlights": 2}, "*one* only", FAIL),
        ({"num_highlights": 1}, "* one\n* two\n2 * 3 * 4 ** **", FAIL),
        ({"num_highlights": 1}, "*" * 1000, FAIL),
        ({"num_highlights": 1}, "*over\nlines*", FAIL),
        ({"num_highlights": 1}, "", FAIL),
    ],
    "detectable_format:multiple_sections": [
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\nText.\n## SECTION 2: More\n", PASS),
        ({"section_spliter": "День", "num_sections": 2}, "**День 1**\nУтро.\n**день 2**\nВечер.", PASS),
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\nText.", FAIL),
        ({"section_spliter": "Section", "num_sections": 2}, "As Section 1 and Section 2 say", FAIL),
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\nSection 2\nSection 3\n", FAIL),
        ({"section_spliter": "Section", "num_sections": 1}, "", FAIL),
    ],
    "detectable_format:json_format": [
        ({}, '{"a": [1, "б"]}', PASS),
        ({}, '```json\n["\\ud800", null]\n```', PASS),
        ({}, 'Here it is: {"a": 1}', FAIL),
        ({}, '{"a": 1,}', FAIL),
        ({}, '"text"', FAIL),
        ({}, '{"a": NaN}', FAIL),
        ({}, "[" * 100_000 + "]" * 100_000, FAIL),
        ({}, "[" + "9" * 10_000 + "]", FAIL),
        ({}, "", FAIL),
    ],
    "detectable_format:title": [
        ({}, "<<Ode to Joy>>\nText", PASS),
        ({}, "Вот: <<Ода к радости>>", PASS),
        ({}, "Ode to Joy", FAIL),
        ({}, "<<  >> <<>> <<!>>", FAIL),
        ({}, "<<Ode\nto Joy>>", FAIL),
        ({}, "", FAIL),
    ],
    "combination:repeat_prompt": [
        ({"prompt_to_repeat": "Write a poem."}, "Write a poem.\n\nRoses are red.", PASS),
        ({"prompt_to_repeat": "Напиши  стих."}, "  напиши стих. Розы красные.", PASS),
        ({"prompt_to_repeat": "Write a poem."}, "Sure! Write a poem. Roses are red.", FAIL),
        ({"prompt_to_repeat": "Write a poem."}, "Write a poem.", FAIL),
        ({"prompt_to_repeat": "Write a poem."}, "Write a poem about roses.", FAIL),
        ({"prompt_to_repeat": "Write a poem."}, "", FAIL),
    ],
    "combination:two_responses": [
        ({}, "First.\n******\nSecond.", PASS),
        ({}, "******Первый.****** Второй.\n******", PASS),
        ({}, "First.\n*******\nSecond.", FAIL),
        ({}, "Same.\n******\nsame.", FAIL),
        ({}, "One.******Two.******Three.", FAIL),
        ({}, "One.\n******\n\u200b", FAIL),
        ({}, "", FAIL),
    ],
    "startend:end_checker": [
        ({"end_phrase": "So what is next?"}, "All done. **So what  is next?**\n", PASS),
        ({"end_phrase": "До встречи!"}, "«Всё. ДО ВСТРЕЧИ!»", PASS),
        ({"end_phrase": "So what is next?"}, "So what is next? I wonder.", FAIL),
        ({"end_phrase": "So what is next?"}, "So what is next", FAIL),
        ({"end_phrase": "next"}, "", FAIL),
    ],
    "startend:quotation": [
        ({}, '"All of it."', PASS),
        ({}, "「全部。」", PASS),
        ({}, " «Всё.»\n", PASS),
        ({}, 'He said "all of it."', FAIL),
        ({}, '"All of it.', FAIL),
        ({}, '"', FAIL),
        ({}, '" \u200b"', FAIL),
        ({}, "'All of it.'", FAIL),
        ({}, "", FAIL),
    ],
    "change_case:english_capital": [
        ({}, ENGLISH.upper(), PASS),
        ({}, "YES, 100%!", PASS),
        ({}, ENGLISH, FAIL),
        ({}, ENGLISH.upper() + "s", FAIL),
        ({}, RUSSIAN.upper(), FAIL),
        ({}, GERMAN.upper(), FAIL),
        ({}, "123 !", FAIL),
        ({}, "", FAIL),
        ({}, CHINESE, NOT_APPLICABLE),
        ({}, "שלום עולם", NOT_APPLICABLE),
        ({}, "გამარჯობა", NOT_APPLICABLE),
    ],
    "change_case:english_lowercase": [
        ({}, ENGLISH.lower(), PASS),
        ({}, "yes, 100%! ª²", PASS),
        ({}, ENGLISH, FAIL),
        ({}, ENGLISH.lower() + " Ǆ", FAIL),
        ({}, RUSSIAN.lower(), FAIL),
        ({}, "\x00\ud800", FAIL),
        ({}, "", FAIL),
        ({}, CHINESE, NOT_APPLICABLE),
        ({}, "नमस्ते दुनिया", NOT_APPLICABLE),
    ],
    "change_case:capital_word_frequency": [
        ({"capital_frequency": 2, "capital_relation": "at least"}, "NASA and I met.", PASS),
        ({"capital_frequency": 2, "capital_relation": "less than"}, "NASA met Me.", PASS),
        ({"capital_frequency": 2}, "США и ООН встретились", PASS),
        ({"capital_frequency": 2}, "Nasa and I met.", FAIL),
        ({"capital_frequency": 1, "capital_relation": "less than"}, "A word", FAIL),
        ({"capital_frequency": 1}, "123 456", FAIL),
        ({"capital_frequency": 1, "capital_relation": "less than"}, "", FAIL),
        ({"capital_frequency": 1}, CHINESE, NOT_APPLICABLE),
    ],
    "punctuation:no_comma": [
        ({}, "One and two; three.", PASS),
        ({}, "一。二！ ș ’", PASS),
        ({}, "One, two", FAIL),
        ({}, CHINESE, FAIL),
        ({}, "一、二", FAIL),
        ({}, "نعم، لا", FAIL),
        ({}, "1,000", FAIL),
        ({}, "", FAIL),
    ],
}

IDS = [name for name in registered("checkers") if ":" in name]


@pytest.mark.parametrize(
    ("name", "args", "text", "status"),
    [(name, *case) for name, cases in CASES.items() for case in cases],
)
def test_an_answer_gets_its_verdict(name, args, text, status):
    verdict = check(name, text, json.dumps(args))
    assert verdict.status == status, verdict.why
    assert bool(verdict.why) == (status != PASS)
    assert verdict.share == {PASS: 1.0, FAIL: 0.0}.get(status)


def test_all_25_types_have_two_passing_and_two_failing_answers_an_empty_one_and_one_beyond_ascii():
    assert len(IDS) == 25
    assert set(CASES) == set(IDS)
    for name, cases in CASES.items():
        counts = Counter(status for _, _, status in cases)
        assert counts[PASS] >= 2 <= counts[FAIL], name
        assert any(not text.strip("\u200b \n") for _, text, _ in cases), name
        assert any(not text.isascii() or not json.dumps(args).isascii() for args, text, _ in cases), name


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200e\ufeff", "\x00"])
def test_an_answer_without_anything_visible_follows_no_instruction(name, text):
    args, *_ = CASES[name][0]
    assert check(name, text, json.dumps(args)).status == FAIL


def test_case_is_judged_by_the_language_of_the_task():
    shouted = Context(language="ru")
    assert check("change_case:english_capital", RUSSIAN.upper(), context=shouted).status == PASS
    assert check("change_case:english_capital", ENGLISH.upper(), context=shouted).status == FAIL
    # an answer in a script without case is no way around the instruction where the task's language has case
    assert check("change_case:english_capital", CHINESE, context=Context(language="en")).status == FAIL
    assert check("change_case:english_capital", CHINESE, context=Context(language="zh")).status == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("length_constraints:number_words", {"num_words": "300", "relation": "at least"}),
        ("length_constraints:number_words", {"num_words": -1}),
        ("length_constraints:number_words", {"num_words": 10**30}),
        ("length_constraints:number_words", {"num_words": 2.5}),
        ("length_constraints:number_words", {"num_words": True}),
        ("length_constraints:number_words", {"num_words": 3, "relation": "around"}),
        ("length_constraints:number_words", {}),
        ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"}),
        ("language:response_language", {"language": "Klingon"}),
        ("keywords:existence", {"keywords": []}),
        ("keywords:existence", {"keywords": [" "]}),
        ("keywords:existence", {"keywords": "cat"}),
        ("punctuation:no_comma", {"num_words": 3}),
    ],
)
def test_wrong_arguments_are_refused(name, args):
    with pytest.raises(InputError, match=f"checker '{name}' does not take these arguments"):
        load_check(name, json.dumps(args))


def test_tables_that_fill_with_nulls_and_turn_numbers_into_floats_are_read():
    args = {"num_words": 3.0, "relation": "at least", "keywords": None, "num_bullets": None}
    assert check("length_constraints:number_words", "one two three", json.dumps(args)).status == PASS


def test_every_prompt_of_ifeval_can_be_checked():
    file = Path(__file__).parents[2].parent / "shared" / "data" / "ifeval_prompts.jsonl"
    if not file.exists():
        pytest.skip(f"the prompts of IFEval are not at {file}")
    counts: Counter[str] = Counter()
    types = set()
    for line in file.read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        row = json.loads(line)
        answers = ["", row["prompt"], row["prompt"].upper(), RUSSIAN, CHINESE, "\ud800\x00\u202e", "* a\n* b\n\nP.S. <<c>> [d]"]
        for name, args in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            types.add(name)
            loaded = load_check(name, json.dumps(args))
            for answer in answers:
                verdict = loaded(answer, Context(prompt=row["prompt"]))
                assert loaded(answer, Context(prompt=row["prompt"])) == verdict
                counts[verdict.status] += 1
    assert types == set(IDS)
    assert set(counts) == {PASS, FAIL, UNDECIDED, NOT_APPLICABLE}
    assert counts[PASS] > 500 < counts[FAIL]
