"""Measuring a root: its own pass, context for its anchors, and what the model makes of it behind each context."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wildgraph.backends.causal_lm import CausalLM, Tokens, Uncertainty
from wildgraph.errors import UsageError
from wildgraph.records import content_hash
from wildgraph.screening.anchors import find_anchors, query_span
from wildgraph.screening.chunks import ChunkIndex, Root, copied_share, runs_of
from wildgraph.screening.drawing import drawing
from wildgraph.screening.measurements import Anchor, Gain, Measured, Measurements, kept
from wildgraph.screening.planner import Plan, Way, plan, truncation_error
from wildgraph.screening.retrieve import Ranked, Retriever
from wildgraph.screening.score import Request, Scorer
from wildgraph.screening.settings import ScreeningConfig
from wildgraph.screening.verify import unmoved

_SPARE = 16  # chunks looked at beyond the k wanted and the root's own, since near-duplicates are left out
_TRIES = 50  # draws of a random chunk that is long enough and not the root's


@dataclass(frozen=True)
class Asked:
    """A prediction to be measured: an anchor behind the first ``length`` tokens of a chunk; ``control`` as in a gain."""

    anchor: int
    chunk: int
    length: int
    control: int


class Measurer:
    """Measures roots of one corpus with one checkpoint.

    Args:
        scorer: asks the model. index: the corpus. retriever: finds chunks.
        config: all settings. kept_in: where retrieval is remembered.
    """

    def __init__(self, scorer: Scorer, index: ChunkIndex, retriever: Retriever, config: ScreeningConfig, kept_in: Measurements) -> None:
        self._scorer, self._index, self._retriever, self._config, self._kept_in = scorer, index, retriever, config, kept_in
        first = scorer.model.first_token
        self._first = np.array([] if first is None else [first], dtype=np.int32)
        self._retrieval_key = content_hash(
            index.about["corpus"], index.about["tokenizer"], index.about["chunk_tokens"], retriever.identity, config.retrieve.k
        )

    def measure(self, root: Root) -> Measured:
        """All that has to be known of a root before anything is decided about it.

        Raises:
            ModelError: the model gives no numbers.
            RunError: memory is too small.
            UsageError: the model's longest sequence is too short for the root, or for a window behind a chunk.
        """
        tokens = self._index.root_tokens(root)
        before = self._scorer.flops
        own = self._own_pass(tokens)
        found = find_anchors(own.entropy, self._config.anchors)
        positions = found.positions.tolist()
        mean = float(np.nanmean(own.entropy))
        if not positions:
            spent = self._scorer.flops - before
            return Measured(root.name, len(tokens), left_out=found.left_out, spent=spent, mean=mean, threshold=found.threshold)
        candidates, ranks, left_out = self._candidates(root, tokens, positions)
        asked = [Asked(anchor, chunk, self._index.length(chunk), 0) for anchor in positions for chunk in candidates[anchor]]
        asked += self._controls(root, asked, set(ranks))
        chosen, width, alone = self._way(tokens, asked, positions, own)
        anchors = tuple(
            Anchor(anchor, kept(entropy), kept(loglik), kept(own.entropy[anchor]), kept(own.loglik[anchor]))
            for anchor, entropy, loglik in zip(positions, alone.entropy, alone.loglik, strict=True)
        )
        gains = self._gains(tokens, asked, chosen.way, width)
        rest = self._for_negatives(anchors, gains, ranks)
        gains += self._gains(tokens, rest, chosen.way, width)
        return Measured(
            root.name,
            len(tokens),
            anchors,
            tuple(sorted(gains, key=lambda gain: (gain.control, gain.anchor, gain.chunk))),
            dict(sorted({**found.left_out, **left_out}.items())),
            ranks,
            way=chosen.way,
            predicted={str(way): flops for way, flops in chosen.flops.items()},
            window=0 if chosen.way == "full" else width,
            spent=self._scorer.flops - before,
            mean=mean,
            threshold=found.threshold,
        )

    # ------------------------------------------------------------------ the root alone

    def _own_pass(self, tokens: Tokens) -> Uncertainty:
        most = self._scorer.model.longest
        if len(self._first) + len(tokens) > most:
            before = ", and the one that begins every text," if len(self._first) else ""
            raise UsageError(
                f"a root of {len(tokens):,} tokens{before} is longer than the {most:,} that the model takes in",
                f"name at most {most - len(self._first):,} with --root-tokens",
            )
        whole = np.concatenate([self._first, tokens])
        start = max(1, len(self._first))
        (found,) = self._scorer.score([Request(whole, np.arange(start, len(whole)))])
        missing = np.full(len(tokens) - len(found.entropy), np.nan, np.float32)
        return Uncertainty(np.concatenate([missing, found.entropy]), np.concatenate([missing, found.loglik]))

    def _way(self, tokens: Tokens, asked: Sequence[Asked], positions: Sequence[int], own: Uncertainty) -> tuple[Plan, int, Uncertainty]:
        """How the root is asked, the width of its windows, and what gains are compared with.

        A window that is too short changes what the model expects at an anchor. Under ``auto`` it is doubled until it hardly does, which may make a full pass the cheapest.
        """
        settings, width = self._config.verify, self._config.verify.window
        while True:
            chosen = self._plan(tokens, asked, width)
            alone = self._alone(tokens, positions, own, chosen.way, width)
            good = truncation_error(own.entropy[positions], alone.entropy) <= settings.window_error
            wider = min(2 * width, max(positions))
            fits = len(self._first) + max((one.length for one in asked), default=0) + wider + 1 <= self._scorer.model.longest
            if settings.way != "auto" or good or width >= max(positions) or not fits:
                return chosen, width, alone
            width = wider

    def _alone(self, tokens: Tokens, positions: Sequence[int], own: Uncertainty, way: Way, width: int) -> Uncertainty:
        """What gains are compared with: the same window with the same first token, and no chunk between them."""
        if way == "full":
            return Uncertainty(own.entropy[positions], own.loglik[positions])
        rows = [np.concatenate([self._first, _window(tokens, anchor, width)]) for anchor in positions]
        found = self._scorer.score([Request(row, np.array([len(row) - 1])) for row in rows])
        return Uncertainty(np.concatenate([one.entropy for one in found]), np.concatenate([one.loglik for one in found]))

    # ------------------------------------------------------------------ candidates

    def _candidates(
        self, root: Root, tokens: Tokens, positions: Sequence[int]
    ) -> tuple[dict[int, list[int]], dict[int, int], dict[str, int]]:
        """Anchor -> chunks that are neither the root's own nor copies of it; the best rank of each; what was left out."""
        settings = self._config.retrieve
        spans = [query_span(anchor, len(tokens), settings.width, causal=settings.causal) for anchor in positions]
        texts = self._scorer.model.texts([tokens[start:end] for start, end in spans])
        most = settings.k + len(self._index.of_document(root.document)) + _SPARE
        answers = self._search(texts, most)
        runs, copies = runs_of(tokens), dict[int, bool]()
        found: dict[int, list[int]] = {}
        ranks: dict[int, int] = {}
        left_out: Counter[str] = Counter()
        for anchor, text in zip(positions, texts, strict=True):
            own: list[int] = []
            for chunk in answers[text].tolist():
                if len(own) == settings.k:
                    break
                if self._index.document_of(chunk) == root.document:
                    left_out["own_chunk"] += 1
                    continue
                if chunk not in copies:
                    copies[chunk] = copied_share(self._index.chunk(chunk), runs) >= settings.near_duplicate
                    left_out["near_duplicate"] += copies[chunk]
                if not copies[chunk]:
                    ranks[chunk] = min(len(own), ranks.get(chunk, len(own)))
                    own.append(chunk)
            found[anchor] = own
        return found, dict(sorted(ranks.items())), {reason: count for reason, count in left_out.items() if count}

    def _search(self, texts: Sequence[str], most: int) -> dict[str, Ranked]:
        """As the retriever answers, remembered: rounds ask about many of the same places again."""
        key = f"{self._retrieval_key}:{most}"
        known = self._kept_in.retrieved(key, texts)
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            found = list(zip(new, self._retriever.search(new, most), strict=True))
            self._kept_in.keep_retrieved(key, found)
            known.update(found)
        return known

    def _controls(self, root: Root, asked: Sequence[Asked], taken: set[int]) -> list[Asked]:
        """Random chunks cut to the lengths of the candidates, at the anchors that have candidates of that length."""
        places: dict[int, set[int]] = defaultdict(set)
        for one in asked:
            places[one.length].add(one.anchor)
        found = []
        for length in sorted(places):
            draw, drawn = drawing(self._config.seed, "controls", root.name, length), dict[int, None]()
            for _ in range(_TRIES * self._config.verify.controls):
                if len(drawn) == self._config.verify.controls:
                    break
                chunk = draw.randrange(len(self._index))
                if chunk not in taken and self._index.length(chunk) >= length and self._index.document_of(chunk) != root.document:
                    drawn[chunk] = None
            found += [Asked(anchor, chunk, length, length) for chunk in drawn for anchor in sorted(places[length])]
        return found

    def _for_negatives(self, anchors: Sequence[Anchor], gains: Sequence[Gain], ranks: dict[int, int]) -> list[Asked]:
        """What is left to ask about the most similar chunks that changed nothing so far: a hard negative changes nothing at any anchor."""
        measured: dict[int, list[Gain]] = defaultdict(list)
        for gain in gains:
            if not gain.control:
                measured[gain.chunk].append(gain)
        by_position = {anchor.position: anchor for anchor in anchors}
        still = [
            chunk
            for chunk in sorted(measured, key=lambda chunk: (ranks[chunk], chunk))
            if all(unmoved(by_position[gain.anchor], gain, self._config.verify.margin) for gain in measured[chunk])
        ][: 2 * self._config.verify.negatives]  # half of them may still move something
        return [
            Asked(position, chunk, self._index.length(chunk), 0)
            for chunk in still
            for position in sorted(set(by_position) - {gain.anchor for gain in measured[chunk]})
        ]

    # ------------------------------------------------------------------ behind a chunk

    def _plan(self, tokens: Tokens, asked: Sequence[Asked], width: int) -> Plan:
        first = len(self._first)
        windows: dict[tuple[int, int], list[int]] = defaultdict(list)
        for one in asked:
            windows[one.chunk, one.length].append(min(one.anchor, width) + 1)
        way = self._config.verify.way
        return plan(
            self._scorer.cost,
            root=len(tokens),
            candidates=[(length + first, lengths) for (_, length), lengths in windows.items()],
            longest=self._scorer.model.longest,
            only=None if way == "auto" else way,
        )

    def _gains(self, tokens: Tokens, asked: Sequence[Asked], way: Way, width: int) -> list[Gain]:
        groups: dict[tuple[int, int, int], list[Asked]] = defaultdict(list)
        for one in asked:
            groups[one.chunk, one.length, one.control].append(one)
        requests: list[Request] = []
        owners: list[list[Asked]] = []
        for (chunk, length, _), members in groups.items():
            before = np.concatenate([self._first, self._index.chunk(chunk)[:length]])
            if way == "full":
                requests.append(Request(np.concatenate([before, tokens]), np.array([one.anchor for one in members]) + len(before)))
                owners.append(members)
                continue
            for one in members:
                window = _window(tokens, one.anchor, width)
                if way == "cached":
                    requests.append(Request(window, np.array([len(window) - 1]), before))
                else:
                    row = np.concatenate([before, window])
                    requests.append(Request(row, np.array([len(row) - 1])))
                owners.append([one])
        found = []
        for members, told in zip(owners, self._scorer.score(requests), strict=True):
            found += [
                Gain(one.anchor, one.chunk, one.control, kept(entropy), kept(loglik))
                for one, entropy, loglik in zip(members, told.entropy, told.loglik, strict=True)
            ]
        return found


def _window(tokens: Tokens, anchor: int, width: int) -> Tokens:
    """An anchor and the tokens before it."""
    return tokens[max(0, anchor - width) : anchor + 1]


def model_key(model: CausalLM, config: ScreeningConfig, corpus: str) -> str:
    """What measurements are kept under: the checkpoint, how it computes, the corpus, and every setting that says what is asked, but none that only decides.

    How large batches are is not part of it, so that memory that runs out costs nothing that was measured.
    """
    asked = config.model_dump(include={"seed", "index", "anchors", "retrieve"})
    ways = config.verify.model_dump(include={"controls", "window", "window_error", "way", "margin", "negatives"})
    return content_hash(model.identity, model.dtype, model.device.partition(":")[0], asked, ways, corpus)
