import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildgraph.neardup import (
    HASHES,
    NearDuplicateIndex,
    band_rows,
    cluster_signatures,
    clusters,
    signature,
    signatures,
)
from wildgraph.shingling import count_units, jaccard, shingles

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


def text_of(seed, words=300):
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(5000)}" for _ in range(words))


def changed(text, share, seed):
    draw = random.Random(seed)
    return " ".join(f"z{draw.randrange(10**6)}" if draw.random() < share else word for word in text.split())


def test_hashes_do_not_depend_on_the_process():
    code = "from wildgraph.neardup import signatures; print(signatures(['one two three four five six', '合同的期限为三年']).sum())"
    results = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in "12"
    }
    assert len(results) == 1


@settings(deadline=None)
@given(st.text())
def test_any_text_has_a_signature(text):
    signed = signature(shingles(text))
    assert signed.shape == (HASHES,)
    assert (count_units(text) == 0) == (len(shingles(text)) == 0) == bool((signed == 0xFFFFFFFF).all())


def test_signatures_estimate_jaccard():
    for share in (0.02, 0.05, 0.1):
        one, two = text_of(1, 2000), changed(text_of(1, 2000), share, 2)
        first, second = signatures([one, two])
        assert (first == second).mean() == pytest.approx(jaccard(shingles(one), shingles(two)), abs=0.15)


def test_bands_find_pairs_at_the_threshold():
    for threshold in (0.5, 0.7, 0.8, 0.9, 1.0):
        rows = band_rows(threshold)
        assert 1 - (1 - threshold**rows) ** (HASHES // rows) >= 0.999


def test_clusters_are_chained_and_named_by_their_first():
    base = text_of(1)
    near = changed(base, 0.015, 2)
    nearer = changed(near, 0.015, 3)
    texts = [text_of(9), base, text_of(8), near, nearer, "", ""]
    assert clusters(texts, 0.75) == [0, 1, 2, 1, 1, 5, 6]


def test_clusters_equal_brute_force_in_any_order():
    texts = [changed(text_of(number % 7, 120), 0.01 * (number % 4), number) for number in range(60)]
    sets = [shingles(text) for text in texts]
    expected = {frozenset((left, right)) for left in range(60) for right in range(left) if jaccard(sets[left], sets[right]) >= 0.8}
    assert 0 < len(expected) < 60 * 59 / 2

    def components(order):
        found = clusters([texts[index] for index in order], 0.8)
        groups = {}
        for place, cluster in enumerate(found):
            assert cluster <= place
            groups.setdefault(cluster, set()).add(order[place])
        return {frozenset(group) for group in groups.values()}

    groups = components(list(range(60)))
    for pair in expected:
        assert any(pair <= group for group in groups)
    shuffled = list(range(60))
    random.Random(3).shuffle(shuffled)
    assert components(shuffled) == groups
    for group in groups:  # and nothing is joined without a chain of verified pairs
        reached, frontier = set(), [min(group)]
        while frontier:
            member = frontier.pop()
            reached.add(member)
            frontier.extend(other for other in group - reached if frozenset((member, other)) in expected)
        assert reached == group


def test_candidates_are_verified_not_believed():
    signed = np.zeros((2, HASHES), dtype=np.uint32)  # equal signatures of unlike sets
    sets = [shingles(text_of(1)), shingles(text_of(2))]
    assert cluster_signatures(signed, lambda index: sets[index]) == [0, 1]


def test_a_bucket_of_many_versions_is_one_cluster():
    base = text_of(5, 400).split()
    texts = [" ".join([*base[:place], "new", *base[place + 1 :]]) for place in range(400)]
    assert set(clusters(texts)) == {0}


def test_index_names_the_earliest_near_copy_and_keeps_no_copy():
    index = NearDuplicateIndex()
    ask = "Please summarise the key obligations of the tenant in this lease agreement in five bullet points"
    assert index.add("a", ask) is None
    assert index.add("b", "Compare how the two reports describe the causes of the outage last spring") is None
    assert index.add("c", ask.replace("Please s", "S") + ".") == "a"
    assert index.find(ask.upper()) == "a"
    assert len(index) == 2
    assert index.add("d", "!!!") is None
    assert index.add("e", "!!!") is None


def test_index_agrees_with_brute_force():
    texts = [changed(text_of(number % 9, 40), 0.02 * (number % 3), number) for number in range(80)]
    index, kept = NearDuplicateIndex(0.7), []
    for number, text in enumerate(texts):
        expected = next((key for key, other in kept if jaccard(shingles(text, 3), shingles(other, 3)) >= 0.7), None)
        assert index.add(str(number), text) == expected
        if expected is None:
            kept.append((str(number), text))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is absent")
def test_known_near_duplicates_among_real_documents():
    import pandas as pd

    table = pd.read_parquet(SHARED / "documents.parquet")
    marked = table[table.near_dup_cluster.notna()]
    others = table[table.near_dup_cluster.isna()].head(60)
    texts = [*marked.text, *others.text]
    found = clusters(texts)
    for _, rows in marked.reset_index(drop=True).groupby("near_dup_cluster"):
        assert len({found[row] for row in rows.index}) == 1


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aB 合ก!٣\nİΣ"), max_size=12), st.integers(1, 5))
def test_many_texts_are_signed_as_each_one(texts, size):
    expected = [signature(shingles(text, size)) for text in texts]
    assert np.array_equal(signatures(texts, size), np.array(expected, dtype=np.uint32).reshape(len(texts), HASHES))


def test_a_long_text_among_short_ones():
    long = text_of(3, 60_000)
    assert clusters(["before", long, "after", f"Before. {long}"], 0.9) == [0, 1, 2, 1]
    assert np.array_equal(signatures(["before", long])[1], signature(shingles(long)))


def test_index_finds_the_same_whatever_has_become_common():
    opening = "please read the attached report with care and then tell me in your own words about"
    texts = [f"{opening} {text_of(number // 2, 12)}" + " again" * (number % 2) for number in range(1400)]
    index = NearDuplicateIndex(0.8)
    assert [index.add(str(number), text) for number, text in enumerate(texts)] == [
        str(number - 1) if number % 2 else None for number in range(1400)
    ]
    assert index.find(f"{opening} {text_of(3, 12)}") == "6"
    assert index.find(opening) is None
    assert index.find(f"{opening} something else") is None
