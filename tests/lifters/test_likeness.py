import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.catalogue import parse_prior
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.lifters import SeenValue
from wildgraph.lifters.likeness import LikenessConfig, LikenessSpace, by_field, rough_size, words

HASHED = HashedEmbedder(256)
SUBJECTS = ("fisheries", "housing", "rail freight", "court reform")


def prior_of(*operations, field="task", subjects=SUBJECTS):
    """A prior whose concepts are operations, each with a phrase per subject."""
    entries = "\n".join(f"    - {{name: {one}, like: [{', '.join(f'{one} {subject}' for subject in subjects)}]}}" for one in operations)
    return parse_prior((f"version: 1\nfiner:\n  {field}:\n{entries}", "test")).phrases(field)


EIGHT = prior_of("summarize", "translate", "debug", "compare", "list", "explain", "rate", "count")


def values(*texts, contexts=()):
    return [SeenValue(text, contexts=tuple(contexts)) for text in texts]


def space(name="task", prior=EIGHT, **config):
    return LikenessSpace(name, prior, HASHED, LikenessConfig(**config))


def likeness(of, left, right):
    one, two = of.features(values(left, right)).rows
    return float(one @ two)


# ----------------------------------------------------------------- words


@given(st.text(max_size=80))
def test_words_are_folded_pieces_of_the_text(text):
    for word in words(text):
        assert word
        assert word in text.casefold()
        assert word == word.casefold()
        assert not any(char.isspace() for char in word)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("C# and C++", ["c#", "and", "c++"]),
        ("резюме договора", ["резюме", "договора"]),
        ("20 words", ["20", "words"]),
        ("", []),
        ("–!", []),
    ],
)
def test_words(text, found):
    assert words(text) == found


@pytest.mark.parametrize(
    ("form", "size"),
    [
        ("bullet list", 0),
        ("a single number", 1),
        ("one sentence", 2),
        ("a few sentences", 3),
        ("three lines", 3),
        ("several paragraphs", 5),
        ("multi-paragraph essay", 5),
        ("a page of one paragraph", 6),
        ("two words", 1),
    ],
)
def test_rough_sizes(form, size):
    assert rough_size(form) == size


def test_what_is_set_for_a_field_outweighs_what_is_set_for_all():
    assert by_field({"": 0.5, "task": 0.0}, "task") == 0.0
    assert by_field({"": 0.5}, "intent") == 0.5
    assert by_field({}, "intent") == 0.0


@pytest.mark.parametrize(
    "wrong", [{"profile": -1}, {"size": -0.1}, {"nearest": 0}, {"sharpness": 0}, {"regularisation": {"": 0}}, {"colour": 1}]
)
def test_weights_that_make_no_sense_are_errors(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LikenessConfig(**wrong)


# ----------------------------------------------------------------- the space


texts = st.lists(st.text(alphabet="abc de#+-", max_size=12), min_size=1, max_size=8, unique=True)


@settings(deadline=None, max_examples=30)
@given(texts, st.sampled_from(["task", "output_format", "intent"]), st.booleans())
def test_rows_are_unit_vectors_whatever_their_order(found, name, with_prior):
    of = space(name, prior_of("a", "b", "c", "d", "e", "f", "g", "h", field=name) if with_prior else ())
    seen = [SeenValue(text, contexts=("x", "y")[: len(text) % 3]) for text in found]
    features = of.features(seen)
    assert features.rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features.rows, axis=1), 1.0, atol=1e-5)
    assert features.profile.shape == (len(found), 8 if with_prior else 0)
    assert 0.0 < features.scale <= 1.0
    if with_prior:
        np.testing.assert_allclose(features.profile.sum(axis=1), 1.0, atol=1e-5)
        assert (features.profile >= 0).all()
    backwards = of.features(seen[::-1])
    np.testing.assert_allclose(backwards.rows[::-1], features.rows, atol=1e-5)
    np.testing.assert_array_equal(of.features(seen).rows, features.rows)


def test_likeness_is_the_mean_of_its_parts():
    """Without a prior only sentence vectors and contexts count, each by its weight."""
    of = space("intent", (), context={"": 1.0})
    seen = [SeenValue("alpha", contexts=("report",)), SeenValue("omega", contexts=("poem",)), SeenValue("gamma", contexts=("poem",))]
    spoken = HASHED.embed(["alpha", "omega", "gamma"])
    about = HASHED.embed(["poem", "report"])
    about = about - about.mean(axis=0)
    about /= np.linalg.norm(about, axis=1, keepdims=True)
    rows = of.features(seen).rows
    assert float(rows[0] @ rows[1]) == pytest.approx((float(spoken[0] @ spoken[1]) + float(about[1] @ about[0])) / 2, abs=1e-5)
    assert float(rows[1] @ rows[2]) == pytest.approx((float(spoken[1] @ spoken[2]) + 1.0) / 2, abs=1e-5)


def test_contexts_count_where_they_have_weight_and_whatever_their_order():
    seen = [SeenValue("alpha", contexts=("report", "memo")), SeenValue("omega", contexts=("poem",))]
    turned = [SeenValue("alpha", contexts=("memo", "report")), SeenValue("omega", contexts=("poem",))]
    of = space("intent", ())
    np.testing.assert_array_equal(of.features(seen).rows, of.features(turned).rows)
    unheard = space("intent", (), context={"": 0.0})
    spoken = HASHED.embed(["alpha", "omega"])
    rows = unheard.features(seen).rows
    np.testing.assert_allclose(rows @ rows.T, spoken @ spoken.T, atol=1e-6)


def test_words_that_recur_within_a_concept_are_operation_and_outweigh_the_subject():
    """'summarize the debate on fisheries' is like other summaries, not like other requests about fisheries."""
    pair = ("summarize fisheries", "summarize court reform"), ("summarize fisheries", "translate fisheries")
    same, other = (likeness(space(), *phrases) for phrases in pair)
    assert same > other + 0.3
    deaf = space(words={"": 0.0}, profile=0.0)
    assert same - other > likeness(deaf, *pair[0]) - likeness(deaf, *pair[1])


def test_the_head_of_a_task_says_the_operation_whatever_follows():
    """'summarize' stands in both, the subject in one of them: with heads the first is the surer of its concept."""
    found = values("summarize of debug translate compare list")
    shares = [space(head={"": weight}).features(found).profile[0] for weight in (0.0, 1.0)]
    place = [one.concept.name for one in EIGHT].index("summarize")
    assert shares[1][place] > shares[0][place] + 0.02
    assert space("output_format").features(found).profile[0][place] == pytest.approx(
        space("output_format", head={"": 0.0}).features(found).profile[0][place]
    )


def test_profiles_say_which_concept_a_value_means():
    profile = space().features(values("summarize harbour works", "debug harbour works")).profile
    assert [EIGHT[one].concept.name for one in profile.argmax(axis=1)] == ["summarize", "debug"]
    assert profile.max(axis=1).min() > 0.4


@pytest.mark.parametrize("prior", [(), EIGHT[:7], prior_of(*"abcdefgh", subjects=("x",))], ids=["none", "few concepts", "few phrases"])
def test_too_small_a_prior_says_nothing(prior):
    features = space(prior=prior).features(values("summarize fisheries", "juggle"))
    assert features.profile.shape == (2, 0)


def test_a_concept_with_few_phrases_can_be_meant():
    prior = (*EIGHT, *prior_of("juggle", subjects=("clubs",)))
    profile = space(prior=prior).features(values("juggle balls", "summarize housing")).profile
    assert profile.shape == (2, 9)
    assert profile[0].argmax() == 8


def test_the_size_of_an_answer_counts_for_forms_alone():
    pair = ("one sentence", "many sentences")
    forms, plain = space("output_format", ()), space("intent", ())
    unsized = space("output_format", (), size=0.0)
    assert likeness(forms, *pair) < likeness(unsized, *pair)
    assert likeness(plain, *pair) == pytest.approx(likeness(unsized, *pair), abs=1e-5)
    assert likeness(forms, "bullet list", "numbered table") > likeness(unsized, "bullet list", "numbered table")  # neither says a size
    assert forms.features(values(*pair)).scale == pytest.approx(1 / 1.8)
    assert unsized.features(values(*pair)).scale == 1.0


def test_a_phrase_that_two_concepts_list_breaks_nothing():
    prior = (*EIGHT, *prior_of("assess"), *prior_of("assess"))
    assert np.isfinite(space(prior=prior).features(values("assess housing")).rows).all()
