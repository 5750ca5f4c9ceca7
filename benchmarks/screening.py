"""Screening: what scoring costs beside a plain pass, what verification finds and falsely keeps, and what training does to a set.

    python -m benchmarks.screening cpu                   # scoring against model(input_ids).logits on the same padded batch
    python -m benchmarks.screening cuda --tokens 32768   # the same on a GPU, a Llama of random weights with 1.2 billion parameters
    python -m benchmarks.screening facts                 # planted facts: recall of retrieval and verification, false keeps
    python -m benchmarks.screening policy                # on policy: facts memorised between rounds, three seeds, and a control

All but ``cuda`` need ``../shared`` (the fixture model, and real documents to plant facts in).
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from wildgraph.backends.causal_lm import CausalLM
from wildgraph.intervals import wilson
from wildgraph.screening.anchors import find_anchors
from wildgraph.screening.chunks import ChunkIndex, draw_roots
from wildgraph.screening.measurements import Anchor, Gain, Measurements, kept
from wildgraph.screening.rounds import screen
from wildgraph.screening.score import Request, Scorer
from wildgraph.screening.settings import ScreeningConfig, VerifySettings
from wildgraph.screening.verify import Choosing, judge_pair

SHARED = Path(__file__).resolve().parents[2] / "shared"


# --------------------------------------------------------------------------- cost


def scoring_ratio(model: CausalLM, rows: int, tokens: int, runs: int = 7) -> None:
    """CPU or GPU seconds of a plain pass, and of one with entropy and log-likelihood at every position, on one padded batch, taking turns."""
    import torch

    vocabulary = model.sizes()[3]
    ids = np.random.default_rng(0).integers(1, min(vocabulary, model.vocabulary), (rows, tokens)).astype(np.int32)
    network = model._network
    on_gpu = model.device.startswith("cuda")
    padded = torch.from_numpy(ids.astype(np.int64)).to(network.device)
    scorer = Scorer(model, batch_tokens=rows * tokens)
    requests = [Request(row, np.arange(1, tokens)) for row in ids]

    def plain() -> None:
        with torch.inference_mode():
            network(input_ids=padded, use_cache=False).logits  # noqa: B018

    def timed(call: object) -> float:
        if on_gpu:
            torch.cuda.synchronize()
        started = time.perf_counter() if on_gpu else time.process_time()
        call()  # type: ignore[operator]
        if on_gpu:
            torch.cuda.synchronize()
        return (time.perf_counter() if on_gpu else time.process_time()) - started

    def peak(call: object) -> float:
        if not on_gpu:
            return float("nan")
        torch.cuda.reset_peak_memory_stats()
        call()  # type: ignore[operator]
        return torch.cuda.max_memory_allocated() / 2**30

    ours_call = lambda: scorer.score(requests)  # noqa: E731
    for call in (plain, ours_call):
        call()
    pairs = [(timed(plain), timed(ours_call)) for _ in range(runs)]
    theirs, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{model.name}: {rows} x {tokens} tokens, vocabulary {vocabulary}, {model.dtype} on {model.device}")
    print(
        f"  model(input_ids).logits {theirs:.3f} s; with entropy and log-likelihood {ours:.3f} s; ratio {ratio:.2f} (median of {runs}, at least 0.85 wanted)"
    )
    if on_gpu:
        print(f"  peak memory {peak(plain):.1f} GiB and {peak(ours_call):.1f} GiB; {torch.cuda.get_device_name()}")


def cpu() -> None:
    from small_models import save_induction, save_random

    with tempfile.TemporaryDirectory() as folder:
        fixture = CausalLM(str(save_induction(Path(folder) / "fixture")), device="cpu")
        for rows, tokens in ((16, 512), (8, 1024)):
            scoring_ratio(fixture, rows, tokens)
        wide = save_random(
            Path(folder) / "wide", vocabulary=512, hidden_size=512, intermediate_size=1408, num_attention_heads=8, num_key_value_heads=8
        )
        model = CausalLM(str(wide), device="cpu")
        model._network.resize_token_embeddings(32_000)
        model.name = "a Llama of 512 dimensions and 32,000 tokens"
        scoring_ratio(model, 2, 1024)


def cuda(tokens: int) -> None:
    import torch
    from small_models import save_tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(Path(folder), 2048)
        shape = {
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
        }
        config = LlamaConfig(vocab_size=128_256, max_position_embeddings=131_072, bos_token_id=0, eos_token_id=0, **shape)
        with torch.device("cuda"):
            network = LlamaForCausalLM(config).to(torch.bfloat16)
        network.save_pretrained(folder)
        del network
        torch.cuda.empty_cache()
        model = CausalLM(folder, device="cuda")
        model.name = f"a Llama of {sum(parameter.numel() for parameter in model._network.parameters()) / 1e9:.1f} billion random parameters"
        scoring_ratio(model, 1, tokens)


# --------------------------------------------------------------------------- planted facts


def facts(checkpoint: Path, count: int, seed: int, words: int = 12) -> list[str]:
    """Made-up passphrases: no two share a word, and each word is one token of the checkpoint.

    Nobody can know which word comes next. The fixture looks one token back, so what one token does not name is no help to it, wherever it
    stands: a word cut into syllables, or an article that stands in every line, would measure the fixture instead of the verification.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    known = sorted(word[1:] for word in tokenizer.get_vocab() if re.fullmatch("\u0120[a-z]{4,}", word))
    if len(known) < count * words:
        raise SystemExit(
            f"{count} facts of {words} words need {count * words} words; the tokenizer has {len(known)}: ask for fewer --facts"
        )
    drawn = random.Random(seed).sample(known, count * words)
    return [" ".join(drawn[place : place + words]) + "." for place in range(0, len(drawn), words)]


def planted(folder: Path, told: list[str], seed: int, documents: int) -> None:
    """Real documents as files, with each fact told in one and needed in another."""
    import pyarrow.parquet as pq

    rows = pq.read_table(SHARED / "data" / "documents.parquet", columns=["text", "language"]).to_pylist()
    draw = random.Random(seed)
    texts = [row["text"][:12_000] for row in rows if row["language"] == "en"]
    draw.shuffle(texts)
    count = len(told)

    def with_fact(text: str, fact: str, least: int, most: int) -> str:
        breaks = [place for place in range(least, min(most, len(text))) if text[place] == " "]
        place = draw.choice(breaks or [len(text)])
        return f"{text[:place]} {fact}{text[place:]}"

    folder.mkdir(parents=True)
    for number, text in enumerate(texts[:documents]):
        name = f"other{number}"
        if number < count:  # the root, cut so that the fact lies in it
            name, text = f"root{number}", with_fact(text[:1200], told[number], 600, 1100)
        elif number < 2 * count:
            name, text = f"told{number - count}", with_fact(text, told[number - count], 200, 10_000)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8", errors="replace")


SETTINGS = {
    "index": {"chunk_tokens": 256, "root_tokens": 1024, "root_ids": "root*"},  # the others' anchors have no known answer
    "anchors": {"rule": "quantile", "share": 0.05, "most": 32},
    "retrieve": {"by": "bm25", "k": 32},
    "verify": {"window": 64},
    "assemble": {"target_tokens": 1900, "rescore": 1.0},
}


def spans(index: ChunkIndex, model: CausalLM, facts: list[str]) -> dict[int, list[tuple[int, int]]]:
    """Fact -> where its words lie among all tokens, in the order of documents."""
    found: dict[int, list[tuple[int, int]]] = {}
    for document in index.documents:
        ids = index.tokens[document["start"] : document["end"]]
        kind, number = document["id"].removesuffix(".txt").rstrip("0123456789"), "".join(filter(str.isdigit, document["id"]))
        if kind not in ("root", "told"):
            continue
        text = model.tokenizer.decode(ids)
        place = text.index(facts[int(number)])
        first = len(model.tokenizer(text[:place])["input_ids"])
        last = len(model.tokenizer(text[: place + len(facts[int(number)])])["input_ids"])
        found.setdefault(int(number), []).append((document["start"] + first, document["start"] + last))
    return found


def facts_found(count: int, documents: int) -> None:
    from small_models import save_induction

    from wildgraph.embedders.sentence import SentenceEmbedder
    from wildgraph.screening.anchors import query_span
    from wildgraph.screening.retrieve import Bm25, Dense

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint = save_induction(folder / "fixture")
        told = facts(checkpoint, count, 0)
        planted(folder / "corpus", told, 0, documents)
        config = ScreeningConfig.model_validate(SETTINGS)
        started = time.process_time()
        (result,) = screen([folder / "corpus"], str(checkpoint), folder / "out", config, embedder=SentenceEmbedder)
        spent = time.process_time() - started
        report = result.report
        index, model = ChunkIndex(folder / "out" / "index"), CausalLM(str(checkpoint), device="cpu")
        print(f"{len(index):,} chunks of {config.index.chunk_tokens} tokens, {count} roots with a fact, BM25 top {config.retrieve.k}")
        where = spans(index, model, told)
        names = {document["id"]: number for number, document in enumerate(index.documents)}
        by_bm25 = by_dense = asked = given = verified = verified_paper = facts_verified = facts_given = wrong = negatives_wrong = split = 0
        clear = clear_verified = 0
        retrievers = Bm25(index, model), Dense(index, SentenceEmbedder(), model)
        roots = {root.name: root for root in draw_roots(index, config) if hasattr(root, "name")}
        choosing = Choosing(config.verify, index.length)
        with Measurements(folder / "out" / "measurements.sqlite") as kept_in, kept_in._open() as connection:
            keys = connection.execute("SELECT key, root FROM roots ORDER BY root").fetchall()
            for key, name in keys:
                measured, root = kept_in.get(key, name), roots[name]
                number = int("".join(filter(str.isdigit, index.documents[root.document]["id"])))
                own = next((span for span in where[number] if root.start <= span[0] and span[1] <= root.end), None)
                if own is None:  # a text of many rare tokens, of which the root is another part
                    continue
                (other,) = (span for span in where[number] if span != own)
                relevant = {
                    chunk for chunk in index.of_document(names[f"told{number}.txt"]) if _overlap(index, chunk, other) >= own[1] - own[0] - 2
                }
                # The second token of a fact and later ones can be copied: the token before stands in the other document, too.
                inside = [anchor for anchor in measured.anchors if own[0] - root.start + 1 <= anchor.position < own[1] - root.start]
                if not relevant:  # a chunk's end cuts the fact in two
                    split += 1
                    continue
                tokens = index.root_tokens(root)
                cut = [query_span(anchor.position, len(tokens), config.retrieve.width, causal=False) for anchor in inside]
                texts = model.texts([tokens[start:end] for start, end in cut])
                answers = [retriever.search(texts, config.retrieve.k) if texts else [] for retriever in retrievers]
                asked += len(inside)
                by_bm25 += sum(bool(relevant & set(found.tolist())) for found in answers[0])
                by_dense += sum(bool(relevant & set(found.tolist())) for found in answers[1])
                choice = choosing.choose(measured)
                positions = {anchor.position for anchor in inside}
                pairs = [pair for pair in choice.pairs if pair.chunk in relevant and pair.anchor in positions]
                given += len(pairs)
                verified += sum(pair.ours for pair in pairs)
                verified_paper += sum(pair.entropy for pair in pairs)
                before = {pair: (index.chunk(pair.chunk) == tokens[pair.anchor - 1]).sum() == 1 for pair in pairs}
                clear += sum(before.values())
                clear_verified += sum(pair.ours for pair in pairs if before[pair])
                facts_given += bool(pairs)
                facts_verified += any(pair.ours for pair in pairs)
                wrong += len(set(choice.positives) & set(choice.negatives))
                negatives_wrong += len(relevant & set(choice.negatives)) if pairs else 0
        print(
            f"  anchors inside facts: {asked}; retrieval recall@{config.retrieve.k}: BM25 {_share(by_bm25, asked)}, dense (MiniLM) {_share(by_dense, asked)}"
        )
        print(
            f"  verification recall given retrieved: per pair of anchor and telling chunk {_share(verified, given)} (the paper's rule {_share(verified_paper, given)}), per fact {_share(facts_verified, facts_given)}"
        )
        print(f"  hard negatives that are positives: {wrong}; that tell the fact: {negatives_wrong}")
        print(
            f"  kept of all pairs: ours {report['share_kept_by_ours']}, the paper's {report['share_kept_by_entropy']}; surviving in place {report['surviving_in_place']}; window error p95 {report['window_error_nats_p95']} nats"
        )
        print(
            f"  operations counted by torch to predicted: {report['flops_counted_by_torch_to_spent']}; {report['flops_per_pair'] / 1e6:.0f} million per pair; end to end {spent:.0f} CPU s for {report['roots']} roots, {report['pairs']:,} pairs"
        )
        print(
            f"  of these pairs, where the token before the anchor stands once in the chunk, so that there is one thing to copy: {_share(clear_verified, clear)}; facts cut in two by a chunk's end and left out: {split}"
        )
        _false_keeps(index, model, roots, config.verify, told)


def _overlap(index: ChunkIndex, chunk: int, span: tuple[int, int]) -> int:
    document, (start, end) = index.documents[index.document_of(chunk)], index.span(chunk)
    return min(end + document["start"], span[1]) - max(start + document["start"], span[0])


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count / of:.3f} [{low:.3f}, {high:.3f}] of {of}" if of else "of none"


_HOLDING = "not counted above, holding the anchor's own two tokens by chance, which really help this model"


def _false_keeps(index: ChunkIndex, model: CausalLM, roots: dict, config: VerifySettings, told: list[str], wanted: int = 2400) -> None:
    """Chunks that tell no fact, at anchors of roots with facts: half of them hold the anchor's preceding token.

    A chunk that happens to hold the anchor's own token behind its preceding one is not irrelevant to a model that copies: counted apart.
    """
    scorer, draw = Scorer(model, batch_tokens=16_384), random.Random(3)
    counts: Counter[tuple[str, str]] = Counter()
    plain = [
        chunk
        for chunk in range(len(index))
        if index.documents[index.document_of(chunk)]["id"].startswith("other") and index.length(chunk) == 256
    ]
    holders: dict[int, list[int]] = {}
    for chunk in plain:
        for token in set(index.chunk(chunk).tolist()):
            holders.setdefault(token, []).append(chunk)
    names = [root for root in roots.values() if index.documents[root.document]["id"].startswith("root")]
    per_root = -(-wanted // len(names))
    for root in names:
        tokens = index.root_tokens(root)
        (own,) = scorer.score([Request(np.concatenate([[0], tokens]).astype(np.int32), np.arange(1, len(tokens) + 1))])
        from wildgraph.screening.settings import AnchorSettings

        anchors = find_anchors(own.entropy, AnchorSettings(rule="quantile")).positions.tolist()
        tried = [(draw.choice(anchors), place % 2) for place in range(per_root)]
        controls = draw.sample(plain, config.controls)
        requests, owners = [], []
        for anchor, sharing in tried:
            window = tokens[max(0, anchor - config.window) : anchor + 1]
            pool = holders.get(int(tokens[anchor - 1]), []) if sharing else plain
            chunk = draw.choice(pool or plain)
            ids = index.chunk(chunk)
            bigram = bool(np.any((ids[:-1] == tokens[anchor - 1]) & (ids[1:] == tokens[anchor])))
            owners.append((anchor, chunk, _HOLDING if bigram else "sharing" if sharing and pool else "any"))
            for before in ([], ids, *(index.chunk(control) for control in controls)):
                row = np.concatenate([[0], before, window]).astype(np.int32)
                requests.append(Request(row, np.array([len(row) - 1])))
        answers = [(kept(one.entropy[0]), kept(one.loglik[0])) for one in scorer.score(requests)]
        each = 2 + config.controls
        for place, (anchor, chunk, kind) in enumerate(owners):
            alone, behind, *others = answers[place * each : (place + 1) * each]
            verdict = judge_pair(
                Anchor(anchor, *alone, *alone), Gain(anchor, chunk, 0, *behind), [Gain(anchor, 0, 256, *other) for other in others], config
            )
            counts[kind, "tried"] += 1
            counts[kind, "ours"] += verdict.ours
            counts[kind, "paper"] += verdict.entropy
    total = Counter[str]()
    for (kind, what), number in counts.items():
        total[what] += number if kind != _HOLDING else 0
    print(
        f"  false keeps of irrelevant chunks: ours {_share(total['ours'], total['tried'])}, the paper's rule {_share(total['paper'], total['tried'])}"
    )
    for kind in ("any", "sharing", _HOLDING):
        print(
            f"    {kind}: ours {_share(counts[kind, 'ours'], counts[kind, 'tried'])}, the paper's {_share(counts[kind, 'paper'], counts[kind, 'tried'])}"
        )


# --------------------------------------------------------------------------- on policy


def policy(count: int, documents: int, seeds: int, steps: int, rate: float = 2e-4, keep: float = 3.0) -> None:
    import torch
    from small_models import save_induction, texts
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from wildgraph.embedders.hashed import HashedEmbedder
    from wildgraph.screening import rounds as loop

    for seed in (*range(seeds), -1):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            checkpoint = save_induction(folder / "fixture")
            told = facts(checkpoint, count, abs(seed))
            planted(folder / "corpus", told, abs(seed), documents)
            losses: list[float] = []

            def train(
                _data: Path, model: Path, output: Path, seed: int = seed, told: list[str] = told, losses: list[float] = losses
            ) -> None:
                """Fine-tune on half of the facts, each alone, until they are known by heart; the control copies."""
                if seed < 0:
                    shutil.copytree(model, output, dirs_exist_ok=True)
                    return
                torch.manual_seed(seed)
                tokenizer = AutoTokenizer.from_pretrained(model)
                network = AutoModelForCausalLM.from_pretrained(model).train()
                batch = tokenizer([f" {fact}" for fact in told[::2]], return_tensors="pt", padding=True)
                first = torch.zeros((len(batch["input_ids"]), 1), dtype=torch.long)
                ids = torch.cat([first, batch["input_ids"]], 1)
                labels = torch.cat([first, batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)], 1)
                # Held to what the model said before on other text, or eleven steps of the loss alone wipe out all it can do.
                prose = tokenizer(list(texts()), add_special_tokens=False)["input_ids"]
                before = AutoModelForCausalLM.from_pretrained(model).eval()
                draw = random.Random(seed)
                optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.0)
                for _ in range(steps):
                    window = torch.tensor(
                        [[0, *row[start : start + 127]] for row in draw.sample(prose, 4) for start in [draw.randrange(len(row) - 127)]]
                    )
                    loss = network(input_ids=ids, labels=labels).loss
                    with torch.no_grad():
                        goal = before(input_ids=window).logits.log_softmax(-1)
                    held = (
                        torch.nn.functional.kl_div(
                            network(input_ids=window).logits.log_softmax(-1), goal, log_target=True, reduction="none"
                        )
                        .sum(-1)
                        .mean()
                    )
                    optimizer.zero_grad()
                    (loss + keep * held).backward()
                    optimizer.step()
                    losses.append(loss.item())
                    if losses[-1] < 0.3:
                        break
                network.save_pretrained(output)
                tokenizer.save_pretrained(output)

            config = ScreeningConfig.model_validate(
                {**SETTINGS, "retrieve": {"by": "bm25", "k": 8}, "assemble": {"target_tokens": 1900, "rescore": 0}}
            )
            screen(
                [folder / "corpus"],
                str(checkpoint),
                folder / "out",
                config,
                rounds=2,
                train=train,
                train_name=str(seed),
                embedder=HashedEmbedder,
            )
            index, model = ChunkIndex(folder / "out" / "index"), CausalLM(str(checkpoint), device="cpu")
            where = spans(index, model, told)
            roots = {root.name: root for root in draw_roots(index, config) if hasattr(root, "name")}
            kept_of = [dict(loop._kept_of(folder / "out" / "rounds" / f"{number:04}")) for number in (1, 2)]
            gone: Counter[tuple[str, str]] = Counter()
            for name, pairs in kept_of[0].items():
                root = roots[name]
                number = int("".join(filter(str.isdigit, index.documents[root.document]["id"])))
                own = next((span for span in where[number] if root.start <= span[0] and span[1] <= root.end), None)
                if own is None:
                    continue
                for pair in pairs:
                    inside = own[0] - root.start <= pair[0] < own[1] - root.start
                    kind = ("memorised" if number % 2 == 0 else "untouched") if inside else "elsewhere"
                    gone[kind, "all"] += 1
                    gone[kind, "gone"] += pair not in kept_of[1][name]
            learned = f"loss {losses[0]:.2f} to {losses[-1]:.2f} in {len(losses)} steps" if losses else "no training: the control"
            print(f"seed {seed}: {learned}")
            for kind in ("memorised", "untouched", "elsewhere"):
                print(f"  |K0 without K1| / |K0|, {kind}: {_share(gone[kind, 'gone'], gone[kind, 'all'])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["cpu", "cuda", "facts", "policy"])
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--facts", type=int, default=24)
    parser.add_argument("--documents", type=int, default=160)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    chosen = parser.parse_args()
    if chosen.part == "cpu":
        cpu()
    elif chosen.part == "cuda":
        cuda(chosen.tokens)
    elif chosen.part == "facts":
        facts_found(chosen.facts, chosen.documents)
    else:
        policy(chosen.facts, chosen.documents, chosen.seeds, chosen.steps)


if __name__ == "__main__":
    main()
