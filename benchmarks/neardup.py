"""Finding near-copies among instructions, against datasketch and rensa where they are installed, and a plain loop of MinHash and LSH.

Run: python -m benchmarks.neardup [--texts N]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
from collections.abc import Sequence

import numpy as np

from benchmarks.measure import cost, show
from wildgraph.neardup import NearDuplicateIndex, clusters
from wildgraph.shingling import jaccard, shingles

THRESHOLD, SIZE, HASHES, ROWS = 0.8, 3, 128, 5
OPENINGS = (
    "Please summarize the key points of",
    "Using the attached document, list",
    "Explain in detail how the report treats",
    "Based on the text above, extract every instance of",
    "I need you to compare the sections about",
)


def instructions(count: int, seed: int = 0) -> tuple[list[str], list[tuple[int, int]]]:
    """Instructions of 15 to 45 words drawn by Zipf's law after a common opening, and which of them are near-copies: a tenth.

    A copy has one word replaced, one left out, or words added at the end.
    """
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shares = np.cumsum(1 / np.arange(1, 20_001))
    originals = count - count // 10
    texts = []
    for length in rng.integers(15, 45, originals).tolist():
        words = np.searchsorted(shares / shares[-1], rng.random(length)).tolist()
        texts.append(f"{draw.choice(OPENINGS)} {' '.join(f'w{word}' for word in words)}.")
    planted = []
    for place in range(originals, count):
        source = draw.randrange(originals)
        words = texts[source].split()
        where, what = draw.randrange(len(words)), draw.random()
        if what < 0.4:
            words[where] = f"new{draw.randrange(10**6)}"
        elif what < 0.7:
            del words[where]
        else:
            words = [words[0].upper(), *words[1:], "Thanks!"]
        texts.append(" ".join(words))
        planted.append((source, place))
    return texts, planted


def plain_sets(texts: Sequence[str]) -> list[set[int]]:
    """The hashed shingles of each text, as the loops below take them."""
    found = []
    for text in texts:
        words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
        runs = (" ".join(words[start : start + SIZE]) for start in range(max(1, len(words) - SIZE + 1)))
        found.append({int.from_bytes(hashlib.sha1(run.encode()).digest()[:4], "little") for run in runs})
    return found


def plain_loop(texts: Sequence[str]) -> list[int]:
    """MinHash and LSH one text at a time, joined by union-find without a look at the texts, as text-dedup does it."""
    rng = np.random.default_rng(1)
    multiply, add = (rng.integers(1, (1 << 61) - 1, HASHES, dtype=np.uint64) for _ in range(2))
    parents = list(range(len(texts)))

    def root(one: int) -> int:
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    tables: list[dict[bytes, int]] = [{} for _ in range(HASHES // ROWS)]
    for place, members in enumerate(plain_sets(texts)):
        hashes = np.fromiter(members, np.uint64, len(members))
        signed = ((hashes[:, None] * multiply + add) % np.uint64((1 << 61) - 1)).min(axis=0)
        for band, table in enumerate(tables):
            first = table.setdefault(signed[band * ROWS : (band + 1) * ROWS].tobytes(), place)
            if first != place:
                low, high = sorted((root(first), root(place)))
                parents[high] = low
    return [root(place) for place in range(len(texts))]


def datasketch_loop(texts: Sequence[str]) -> list[int]:
    """datasketch's MinHashLSH: each text joins the first one it finds."""
    from datasketch import MinHash, MinHashLSH

    index, found = MinHashLSH(threshold=THRESHOLD, num_perm=HASHES), []
    for place, members in enumerate(plain_sets(texts)):
        signed = MinHash(num_perm=HASHES)
        signed.update_batch([member.to_bytes(4, "little") for member in members])
        found.append(min(map(int, index.query(signed)), default=place))
        index.insert(str(place), signed)
    return found


def rensa_loop(texts: Sequence[str]) -> list[int]:
    """rensa's RMinHashLSH: each text joins the first one it finds."""
    from rensa import RMinHash, RMinHashLSH

    index, found = RMinHashLSH(THRESHOLD, HASHES, HASHES // 8), []
    for place, text in enumerate(texts):
        signed = RMinHash(HASHES, 42)
        words = text.lower().split()
        signed.update([" ".join(words[start : start + SIZE]) for start in range(max(1, len(words) - SIZE + 1))])
        found.append(min(map(int, index.query(signed)), default=place))
        index.insert(place, signed)
    return found


def recall(found: Sequence[int], pairs: Sequence[tuple[int, int]]) -> str:
    """Share of the planted pairs that are together."""
    return f"recall {sum(found[one] == found[two] for one, two in pairs) / len(pairs):.4f}"


def one_at_a_time(texts: Sequence[str]) -> list[int]:
    """The index that gates use."""
    index, found = NearDuplicateIndex(THRESHOLD, SIZE), []
    for place, text in enumerate(texts):
        earlier = index.add(str(place), text)
        found.append(place if earlier is None else int(earlier))
    return found


def main() -> None:
    """Print one line per contender; loops get a tenth of the texts and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=150_000)
    count = parser.parse_args().texts
    texts, planted = instructions(count)
    near = [(one, two) for one, two in planted if jaccard(shingles(texts[one], SIZE), shingles(texts[two], SIZE)) >= THRESHOLD]
    print(f"{count:,} instructions, {len(planted):,} planted copies, {len(near):,} of them with a similarity of at least {THRESHOLD}")
    found, measured = cost(lambda: clusters(texts, THRESHOLD, SIZE), 3)
    show("wildgraph clusters()", measured, measured.cpu, recall(found, near))
    few, few_planted = instructions(count // 10)
    few_near = [(one, two) for one, two in few_planted if jaccard(shingles(few[one], SIZE), shingles(few[two], SIZE)) >= THRESHOLD]
    loops = {"wildgraph NearDuplicateIndex, a tenth": one_at_a_time, "plain loop of MinHash and LSH, a tenth": plain_loop}
    if importlib.util.find_spec("datasketch"):
        loops["datasketch, a tenth"] = datasketch_loop
    if importlib.util.find_spec("rensa"):
        loops["rensa, a tenth"] = rensa_loop
    for name, loop in loops.items():
        found, loop_cost = cost(lambda loop=loop: loop(few))
        show(name, loop_cost, measured.cpu, recall(found, few_near))


if __name__ == "__main__":
    main()
