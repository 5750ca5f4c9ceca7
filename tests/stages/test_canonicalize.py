from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.catalogue import Catalogue, empty_prior, parse_prior
from wildgraph.edits import Edits
from wildgraph.embedders.hashed import HashedEmbedder
from wildgraph.errors import InputError
from wildgraph.lifters import Group, Lifter
from wildgraph.lifters.by_likeness import GroupingConfig, LikenessLifter
from wildgraph.records import Assignment, Concept, MetaInformation
from wildgraph.stages.canonicalize import CanonicalizeConfig, canonicalize, fold, label, singletons

PRIOR = parse_prior(
    (
        """
version: 1
fields:
  document_type:
    - name: legal document
      concepts:
        - {name: contract, like: [lease, employment agreement]}
  task:
    - name: condense
      like: [make shorter]
      concepts:
        - {name: summarize the document, like: [sum up the whole text, give an overview]}
        - {name: list the key points, like: [main points, key takeaways]}
    - name: translate
      like: [translate the text]
  output_format:
    - {name: bullet list, like: [bullets, bulleted list]}
finer:
  task:
    - {name: translate a letter, under: translate, like: [put a letter into another language]}
""",
        "test",
    )
)
HASHED = HashedEmbedder()


def alike(prior=PRIOR, **settings):
    return LikenessLifter(prior, HASHED, GroupingConfig(**settings))


class Told:
    """A lifter whose groups are given; what is in none of them stands alone."""

    identity = "told"

    def __init__(self, *groups, field="task"):
        self.groups, self.field = groups, field
        self.asked = {}

    def lift(self, values):
        self.asked = {of.name: [value.text for value in found] for of, found in values.items()}
        found = {name: [Group(text, {text: 1.0}) for text in texts] for name, texts in self.asked.items()}
        if self.field in found:
            held = {member for group in self.groups for member in group.members}
            found[self.field] = [*self.groups, *(group for group in found[self.field] if group.name not in held)]
        return found


def group(name, *members, **more):
    return Group(name, dict.fromkeys(members or (name,), 0.9), **more)


def meta(number, user=None, has_document=True, **values):
    return MetaInformation(
        id=f"r{number:03}",
        user=user or f"u{number}",
        values={name: [{"general": one} for one in found] for name, found in values.items()},
        has_document=has_document,
    )


def tasks(*phrases):
    return [meta(number, task=[phrase]) for number, phrase in enumerate(phrases)]


def run(found, lifter=None, prior=PRIOR, **more):
    """Catalogue and labels."""
    likeness = alike(prior)
    return canonicalize(found, CanonicalizeConfig(), prior=prior, lifter=lifter or likeness, likeness=likeness, **more)


def lifted(found, lifter=None, prior=PRIOR, **more):
    """Value -> concept of the field 'task'."""
    catalogue, _ = run(found, lifter, prior, **more)
    return {value: item.concept for (field, value), item in catalogue.assignments.items() if field == "task"}


def catalogue_of(*concepts, **assigned):
    """An earlier run's catalogue of tasks: concepts, and value -> concept id."""
    known = {concept.id: concept for concept in concepts}
    items = (Assignment(field="task", value=value, concept=concept, count=1, users=1) for value, concept in assigned.items())
    return Catalogue(known, {(item.field, item.value): item for item in items})


def task(slug, name=None, parent=None):
    return Concept(id=f"task/{slug}", field="task", name=name or slug.replace("-", " "), parent=parent)


@pytest.mark.parametrize(
    ("left", "right"), [("Bullet  List.", "bullet list"), ("ﬁnal", "final"), ("STRASSE", "straße"), (" a;, ", "a"), ("a\n\tb", "a b")]
)
def test_equal_values_meet(left, right):
    assert fold(left) == fold(right)


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(value):
    assert fold(fold(value)) == fold(value)


def test_these_lifters_are_lifters():
    assert isinstance(Told(), Lifter)
    assert isinstance(alike(), Lifter)


# ----------------------------------------------------------------- known by their words


def test_a_value_that_names_a_concept_goes_to_it():
    lifter = Told()
    found = lifted(tasks("Summarize the  document.", "LIST THE KEY POINTS", "condense", "Translate a letter", "juggle"), lifter)
    assert found == {
        "summarize the document": "task/summarize-the-document",
        "list the key points": "task/list-the-key-points",
        "condense": "task/condense",
        "translate a letter": "task/translate-a-letter",
        "juggle": "task/juggle",
    }
    # What bears the name of one of the finest concepts is shown, so that what is like it can join it.
    assert lifter.asked == {"task": ["juggle", "translate a letter"]}
    lifted(tasks("condense", "translate a letter"), unasked := Told())
    assert unasked.asked == {}, "there is nothing to lift"


def test_what_is_like_a_value_that_names_a_concept_joins_that_concept():
    told = Told(group("carry a letter over", "carry a letter over", "translate a letter"))
    assert lifted(tasks("carry a letter over", "translate a letter"), told) == {
        "carry a letter over": "task/translate-a-letter",
        "translate a letter": "task/translate-a-letter",
    }


def test_of_two_named_concepts_in_a_group_that_of_more_records_has_the_others_and_each_keeps_its_own():
    prior = parse_prior(("version: 1\nfields: {task: [{name: a}, {name: b}]}", "test"))
    told = Told(group("c", "a", "b", "c"))
    assert lifted(tasks("a", "b", "b", "c"), told, prior) == {"a": "task/a", "b": "task/b", "c": "task/b"}
    assert lifted(tasks("a", "b", "c"), told, prior)["c"] == "task/a"


def test_a_group_that_is_said_to_be_a_concept_is_not_the_one_that_a_member_names():
    prior = parse_prior(("version: 1\nfields: {task: [{name: a}, {name: b}]}", "test"))
    told = Told(group("b", "a", "c", concept="task/b"))
    assert lifted(tasks("a", "c"), told, prior) == {"a": "task/a", "c": "task/b"}


def test_a_name_outweighs_another_concepts_phrase():
    prior = parse_prior(("version: 1\nfields: {task: [{name: a, like: [b]}, {name: b, like: [a]}]}", "test"))
    assert lifted(tasks("a", "b"), Told(), prior) == {"a": "task/a", "b": "task/b"}


def test_exact_matches_are_marked_as_such_and_counted():
    found = [meta(0, "a", task=["translate", "Translate."]), meta(1, "a", task=["translate"]), meta(2, "b", task=["Translate"])]
    catalogue, labels = run(found)
    item = catalogue.assignments["task", "translate"]
    assert (item.count, item.users, item.similarity, item.concept) == (3, 2, 1.0, "task/translate")
    assert [record.labels for record in labels] == [("task/translate",)] * 3


def test_what_an_earlier_run_said_outweighs_a_name_and_a_pin_outweighs_both():
    earlier = catalogue_of(task("render"), translate="task/render", condense="task/render")
    edits = Edits(pin={"task": {"  Condense. ": "task/list-the-key-points"}})
    found = tasks("translate", "condense")
    assert lifted(found, Told()) == {"translate": "task/translate", "condense": "task/condense"}
    assert lifted(found, Told(), earlier=earlier) == {"translate": "task/render", "condense": "task/render"}
    assert lifted(found, Told(), earlier=earlier, edits=edits) == {"translate": "task/render", "condense": "task/list-the-key-points"}


def test_values_are_pinned_to_concepts_of_an_earlier_run_and_to_those_born_in_this_one():
    earlier = catalogue_of(task("render"))
    lifter = Told(group("juggle balls", "juggle balls", "juggle clubs"), group("sing"))
    found = tasks("juggle balls", "juggle clubs", "sing", "dance")
    edits = Edits(pin={"task": {"dance": "task/render", "sing": "task/juggle-balls"}})
    catalogue, labels = run(found, lifter, earlier=earlier, edits=edits)
    assert catalogue.leaf("task", "dance") == "task/render"
    assert catalogue.leaf("task", "sing") == catalogue.leaf("task", "juggle clubs") == "task/juggle-balls"
    assert catalogue.assignments["task", "sing"].similarity == 1.0
    assert [record.labels for record in labels] == [("task/juggle-balls",)] * 3 + [("task/render",)]


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ({"task": {"juggle": "task/jugle"}}, "'task/jugle', which is no known concept of task"),
        ({"task": {"juggle": "output_format/bullet-list"}}, "'output_format/bullet-list', which is no known concept of task"),
        ({"tusk": {"juggle": "task/translate"}}, "'tusk', which is no field with concepts"),
        ({"simplified_instruction": {"juggle": "task/translate"}}, "'simplified_instruction', which is no field with concepts"),
    ],
)
def test_a_pin_that_leads_nowhere_is_an_error(pin, message):
    with pytest.raises(InputError, match=message) as caught:
        run(tasks("juggle"), Told(), edits=Edits(pin=pin))
    assert "\n" not in str(caught.value)


def test_a_bare_document_is_no_particular_kind_of_document():
    found = [meta(0, document_type=["Document"]), meta(1, document_type=["documents?"]), meta(2, document_type=["legal document"])]
    lifter = Told()
    catalogue, labels = run(found, lifter)
    kinds = [record.document_type for record in labels]
    assert kinds[0] == "document_type/document"
    assert kinds[1] not in kinds[::2]
    assert kinds[2] == "document_type/legal-document"
    assert catalogue.lineage(kinds[0]) == ["document_type/document"]
    assert catalogue.concepts[kinds[0]].origin == "prior"
    assert lifter.asked == {"document_type": ["documents?"]}
    without, _ = run(tasks("juggle"), Told())
    assert "document_type/document" not in without.concepts


# ----------------------------------------------------------------- earlier concepts, by likeness


def test_a_value_like_an_earlier_concepts_values_joins_it_and_the_others_are_lifted():
    earlier = catalogue_of(task("old"), **{"juggle five balls": "task/old", "juggle six balls": "task/old"})
    lifter = Told()
    catalogue, _ = run(tasks("juggle seven balls", "bake bread"), lifter, earlier=earlier)
    assert catalogue.leaf("task", "juggle seven balls") == "task/old"
    assert 0.4 < catalogue.assignments["task", "juggle seven balls"].similarity < 1.0
    assert catalogue.leaf("task", "bake bread") == "task/bake-bread"
    assert lifter.asked == {"task": ["bake bread"]}
    assert set(catalogue.assignments) == {("task", "juggle seven balls"), ("task", "bake bread")}  # those of this run alone


def test_a_group_of_an_earlier_concepts_name_is_that_concept():
    """An earlier run publishes only what many wrote: its concept may be known without its values."""
    earlier = catalogue_of(task("juggle", parent="task/perform"), task("perform"))
    catalogue, _ = run(tasks("juggle", "toss balls"), Told(group("juggle", "juggle", "toss balls")), earlier=earlier)
    assert {item.concept for item in catalogue.assignments.values()} == {"task/juggle"}
    assert catalogue.concepts["task/juggle"].parent == "task/perform"
    assert "task/juggle-other" not in catalogue.concepts


def test_an_earlier_concept_that_was_renamed_is_known_by_its_id():
    earlier = catalogue_of(task("juggle", name="toss things"), **{"toss balls": "task/juggle"})
    catalogue, _ = run(tasks("toss balls", "juggle"), Told(), earlier=earlier)
    assert catalogue.leaf("task", "toss balls") == "task/juggle"
    assert catalogue.name("task/juggle") == "toss things"
    assert catalogue.leaf("task", "juggle") == "task/juggle-other"  # that id means another thing now


# ----------------------------------------------------------------- groups become concepts


def test_without_a_prior_every_concept_is_induced():
    found = [meta(0, task=["summarize a report"], document_type=["report"]), meta(1, task=["summarize a report"]), meta(2, task=["juggle"])]
    catalogue, labels = run(found, prior=empty_prior())
    assert {one.id for one in catalogue.concepts.values()} == {"task/summarize-a-report", "task/juggle", "document_type/report"}
    assert {(one.origin, one.parent) for one in catalogue.concepts.values()} == {("induced", None)}
    assert [record.labels for record in labels] == [("task/summarize-a-report",), ("task/summarize-a-report",), ("task/juggle",)]
    assert [record.document_type for record in labels] == ["document_type/report", None, None]


def test_a_group_that_is_a_known_concept_makes_no_new_one():
    catalogue, _ = run(tasks("render it"), Told(group("whatever", "render it", concept="task/translate")))
    item = catalogue.assignments["task", "render it"]
    assert (item.concept, item.similarity) == ("task/translate", 0.9)
    assert set(catalogue.concepts) == set(PRIOR.known())


def test_a_group_that_bears_a_prior_name_is_that_concept():
    found = lifted(tasks("render it", "interpret"), Told(group("Translate", "render it"), group("translate.", "interpret")))
    assert set(found.values()) == {"task/translate"}


def test_a_group_below_a_concept_whose_name_it_bears_is_another_one():
    catalogue, _ = run(tasks("render it"), Told(group("translate", "render it", parent="task/translate")))
    born = catalogue.concepts["task/translate-other"]
    assert (born.name, born.parent, born.origin) == ("translate (other)", "task/translate", "induced")


def test_parents_and_headings_stand_above_groups():
    lifter = Told(
        group("juggle", heading="perform"),
        group("sing", heading="perform"),
        group("render freely", parent="task/translate"),
        group("gloss", heading="condense"),
    )
    catalogue, _ = run(tasks("juggle", "sing", "render freely", "gloss"), lifter)
    assert {one: catalogue.concepts[f"task/{one}"].parent for one in ("juggle", "sing", "render-freely", "gloss", "perform")} == {
        "juggle": "task/perform",
        "sing": "task/perform",
        "render-freely": "task/translate",
        "gloss": "task/condense",
        "perform": None,
    }
    assert (catalogue.name("task/perform"), catalogue.concepts["task/perform"].origin) == ("perform", "induced")


@pytest.mark.parametrize("prior", [PRIOR, parse_prior(("version: 1\nfields: {task: [{name: c}]}", "test"))])
def test_names_that_differ_by_signs_alone_stay_apart(prior):
    found = lifted(tasks("c", "c++", "c#", "c--"), Told(), prior)
    assert len(set(found.values())) == 4
    catalogue, _ = run(tasks("c", "c++", "c#"), Told(), prior)
    assert catalogue.name(catalogue.leaf("task", "c")) == "c"


def test_a_name_of_any_length_stays_a_name():
    long = "x" * 118
    lifter = Told(group(long), group(f"{long}!"), group(long + "y" * 80, "z"))
    catalogue, _ = run(tasks(long, f"{long}!", "z"), lifter)
    assert len({item.concept for item in catalogue.assignments.values()}) == 3
    crowd = [" ".join(letter * 29 for letter in "abcd") + f" {tail} more" for tail in ("one", "two", "three")]
    catalogue, _ = run(tasks(*crowd), Told(), min_support=2)
    assert len({item.concept for item in catalogue.assignments.values()}) == 3


def test_larger_groups_are_named_first():
    lifter = Told(group("Juggle!", "juggle it now"), group("juggle", "toss", "juggle balls"))
    catalogue, _ = run([*tasks("toss", "juggle balls", "juggle it now"), meta(7, task=["toss"])], lifter)
    assert catalogue.leaf("task", "toss") == "task/juggle"
    assert catalogue.leaf("task", "juggle it now") != "task/juggle"


# ----------------------------------------------------------------- nobody's wording in a name


SECRET = "explain why my boss Ann fired Bob last week"


def names_of(found, lifter, **more):
    catalogue, _ = run(found, lifter, **more)
    return {concept.name for concept in catalogue.concepts.values() if concept.origin == "induced"}


def test_no_run_of_five_words_of_one_user_stands_in_a_name():
    lifter = Told(group(SECRET, fold(SECRET), heading="boss Ann fired Bob last"))
    found = names_of(tasks(SECRET), lifter, min_support=2)
    assert found == {"explain why my boss", "boss Ann fired Bob"}


def test_what_enough_users_wrote_may_be_a_name():
    twice = [meta(0, "a", task=[SECRET]), meta(1, "b", task=[SECRET])]
    assert names_of(twice, Told(), min_support=2) == {fold(SECRET)}
    same = [meta(0, "a", task=[SECRET]), meta(1, "a", task=[SECRET])]
    assert names_of(same, Told(), min_support=2) == {"explain why my boss"}
    assert names_of(twice, Told(), min_support=3) == {"explain why my boss"}


def test_specific_wordings_and_other_fields_count_as_well():
    record = MetaInformation(
        id="r1",
        user="u",
        values={
            "task": [{"general": "explain a conflict", "specific": SECRET}],
            "simplified_instruction": [{"general": "Tell Carol that the big house burnt."}],
        },
        has_document=False,
    )
    lifter = Told(group(f"to {SECRET}", "explain a conflict", heading="that the big house burnt"))
    assert names_of([record], lifter, min_support=2) == {"to explain why my", "that the big house"}


def test_a_cut_name_does_not_end_in_a_loose_word():
    phrase = "list names of the people in the photo"
    assert names_of(tasks(phrase), Told(), min_support=2) == {"list names"}


def test_words_joined_by_signs_are_words():
    phrase = "explain/why/my/boss/ann fired-bob-last-week and left"
    (name,) = names_of(tasks(phrase), Told(), min_support=2)
    assert name == "explain/why/my/boss"


grams = st.lists(st.sampled_from(["a", "b", "c", "d", "/", "-", ".", "of", "the"]), min_size=1, max_size=14).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(grams, st.integers(0, 2)), min_size=1, max_size=5), st.sampled_from(["", "-", "/"]))
def test_names_quote_nobody_whatever_the_words(rows, glue):
    import re

    found = [meta(number, f"u{user}", task=[phrase.replace(" ", glue) if glue else phrase]) for number, (phrase, user) in enumerate(rows)]
    users = {}
    for record in found:
        words = re.findall(r"\w+", record.values["task"][0].general)
        for start in range(len(words) - 4):
            users.setdefault(tuple(words[start : start + 5]), set()).add(record.user)
    for name in names_of(found, Told(), prior=empty_prior(), min_support=2):
        words = re.findall(r"\w+", name)
        for start in range(len(words) - 4):
            assert len(users.get(tuple(words[start : start + 5]), "ab")) >= 2, name


# ----------------------------------------------------------------- edits


def test_edits_come_last_and_show_in_the_labels():
    lifter = Told(group("juggle", "juggle", "toss"), group("sing"))
    edits = Edits(rename={"task/juggle": "perform tricks"}, merge={"task/sing": "task/juggle"}, move={"task/juggle": "task/condense"})
    catalogue, labels = run(tasks("juggle", "toss", "sing"), lifter, edits=edits)
    assert [record.labels for record in labels] == [("task/juggle",)] * 3
    assert "task/sing" not in catalogue.concepts
    concept = catalogue.concepts["task/juggle"]
    assert (concept.name, concept.parent, concept.origin) == ("perform tricks", "task/condense", "edited")
    plain, _ = run(tasks("juggle", "toss", "sing"), lifter)
    assert {place: (item.count, item.users) for place, item in plain.assignments.items()} == {
        place: (item.count, item.users) for place, item in catalogue.assignments.items()
    }


def test_a_pin_follows_the_merge_of_its_concept():
    edits = Edits(pin={"task": {"juggle": "task/translate"}}, merge={"task/translate": "task/condense"})
    assert lifted(tasks("juggle"), Told(), edits=edits) == {"juggle": "task/condense"}


def test_an_edit_of_a_concept_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="did you mean 'task/juggle'"):
        run(tasks("juggle"), Told(), edits=Edits(rename={"task/jugle": "x"}))


# ----------------------------------------------------------------- records


def test_records_become_labels_of_node_fields_alone():
    found = meta(
        0,
        document_type=["contract"],
        task=["translate", "list the key points"],
        output_format=["bullet list"],
        simplified_instruction=["Translate it."],
    )
    catalogue, (record,) = run([found])
    assert record.document_type == "document_type/contract"
    assert record.labels == ("output_format/bullet-list", "task/list-the-key-points", "task/translate")
    assert not any(field == "simplified_instruction" for field, _ in catalogue.assignments)


def test_a_query_without_a_document_has_no_type_but_serves_induction():
    catalogue, (record,) = run([meta(0, has_document=False, document_type=["contract"], task=["translate"])])
    assert record.document_type is None
    assert record.labels == ("task/translate",)
    assert catalogue.leaf("document_type", "contract") == "document_type/contract"


def test_values_that_the_catalogue_does_not_know_are_left_out():
    catalogue, _ = run(tasks("translate"))
    assert label(meta(9, task=["translate", "juggle"], document_type=["novel"]), catalogue).labels == ("task/translate",)
    assert label(meta(9, document_type=["novel"]), catalogue).document_type is None


def test_values_that_fold_to_nothing_are_no_values():
    catalogue, (record,) = run([meta(0, task=["...", " ; "])])
    assert record.labels == ()
    assert not catalogue.assignments


def test_nothing_in_nothing_out():
    lifter = Told()
    catalogue, labels = run([], lifter)
    assert labels == []
    assert not catalogue.assignments
    assert catalogue.concepts == PRIOR.known()
    assert lifter.asked == {}


def test_a_lifter_is_told_what_values_are_said_of():
    seen = {}

    class Listens(Told):
        def lift(self, values):
            seen.update({value.text: value for found in values.values() for value in found})
            return super().lift(values)

    records = [meta(n, f"u{n % 2}", task=["juggle"], document_type=["script"], simplified_instruction=[f"Juggle {n}."]) for n in range(7)]
    run(records, Listens())
    juggle = seen["juggle"]
    assert (juggle.records, juggle.users) == (7, 2)
    assert juggle.contexts == tuple(f"script; Juggle {n}." for n in range(5))
    assert seen["script"].contexts[0] == "Juggle 0."  # without the field itself


def test_singletons_are_concepts_of_one_value_in_one_record():
    def items(**sizes):
        return [
            Assignment(field="task", value=f"{name}{n}", concept=name, count=1, users=1)
            for name, many in sizes.items()
            for n in range(many)
        ]

    often = Assignment(field="task", value="often", concept="often", count=2, users=1)
    other = Assignment(field="intent", value="x", concept="x", count=1, users=1)
    assert singletons([*items(alone=1, pair=2), often, other]) == {"intent": 1.0, "task": pytest.approx(1 / 3)}
    assert singletons([]) == {}


words = st.sampled_from(
    ["sum up", "summarise", "translate", "translate it", "list", "list points", "key points", "juggle", "C", "C++", "C#"]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sets(words, max_size=3), st.integers(0, 3)), max_size=12), st.randoms(), st.booleans())
def test_the_order_of_records_leaves_no_trace(rows, random, again_from_earlier):
    found = [meta(number, f"u{user}", task=sorted(values), document_type=["lease"]) for number, (values, user) in enumerate(rows)]
    earlier, _ = run(tasks("sum up", "juggle"), prior=PRIOR) if again_from_earlier else (None, None)
    catalogue, labels = run(found, earlier=earlier, min_support=2)
    random.shuffle(found)
    again, relabelled = run(iter(found), earlier=earlier, min_support=2)
    assert list(again.rows()) == list(catalogue.rows())
    assert again.concepts == catalogue.concepts
    assert relabelled == labels
    # every value of every record has a label, and counts are those of the records
    for (_, value), item in catalogue.assignments.items():
        holding = [record for record in found if value in {fold(one.general) for one in record.values.get(item.field, ())}]
        assert (item.count, item.users) == (len(holding), len({record.user for record in holding}))
        assert item.concept in catalogue.concepts
    for concept in catalogue.concepts.values():
        assert concept.parent is None or concept.parent in catalogue.concepts


@settings(deadline=None, max_examples=20)
@given(st.lists(words, min_size=1, max_size=8))
def test_a_run_under_its_own_catalogue_is_the_same_run(phrases):
    first, labels = run(tasks(*phrases))
    second, relabelled = run(tasks(*phrases), earlier=first)
    assert relabelled == labels
    assert {place: item.concept for place, item in second.assignments.items()} == {
        place: item.concept for place, item in first.assignments.items()
    }
    assert second.concepts == first.concepts


# ----------------------------------------------------------------- with meaning


def test_meaning_decides_not_spelling(sentence_embedder):
    """None of these phrases stands in the catalogue that ships with wildgraph; requests of one line are interchangeable."""
    from wildgraph.catalogue import load_prior

    lines = [
        ["summarize the whole discussion on fisheries", "give a summary of the entire meeting on housing"],
        ["translate the poem into French", "translate this letter to German"],
        ["fix the crash in my parser", "debug the exception thrown by my scraper"],
    ]
    likeness = LikenessLifter(load_prior(), sentence_embedder, GroupingConfig())
    phrases = [phrase for line in lines for phrase in line]
    catalogue, _ = canonicalize(tasks(*phrases), CanonicalizeConfig(), prior=load_prior(), lifter=likeness, likeness=likeness)
    found = [{str(catalogue.leaf("task", fold(phrase))) for phrase in line} for line in lines]
    tops = [{catalogue.lineage(one)[-1] for one in line} for line in found]
    assert [len(line) for line in tops] == [1, 1, 1], found
    assert max(Counter(one for line in found for one in line).values()) == 1, "unlike requests share a concept"
