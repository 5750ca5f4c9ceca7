"""What is decided about a candidate before it is known which others are accepted: program gates first, then models that did not write it.

Gates that remember earlier pairs come last, one candidate at a time, in the order of the decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from wildgraph.config import Config
from wildgraph.corpus import Corpus, DocumentStore
from wildgraph.corpus.elsewhere import Elsewhere
from wildgraph.engines import Engines
from wildgraph.gates import ORDER, Gate
from wildgraph.llm import ChatModel
from wildgraph.records import Json, Pair, Rejection
from wildgraph.stages import closed_book as closed_book_stage
from wildgraph.stages import gate as gate_stage
from wildgraph.stages import judge as judge_stage


@dataclass(frozen=True)
class Drafting:
    """The gates of one sampling.

    Attributes:
        config: which gates. engines: who judges. store: texts. corpus: where other documents are.
    """

    config: Config
    engines: Engines
    store: DocumentStore
    corpus: Corpus

    @property
    def attempts(self) -> ChatModel | None:
        """Who tries the requests without their documents."""
        by = {"auto": self.engines.judge, "judge": self.engines.judge, "writer": self.engines.model}
        return by.get(self.config.closed_book.by)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that models judge in, where there are such models."""
        tried = (closed_book_stage.STAGE,) if self.attempts is not None else ()
        return (*tried, judge_stage.STAGE) if self.engines.judge is not None else tried

    @cached_property
    def _gates(self) -> tuple[Sequence[Gate], Sequence[Gate]]:
        """The gates that look at one pair alone, and those that may remember others: the last of ours, and all that are not ours."""
        gates = gate_stage.make_gates(self.config.gate)
        alone = [one for one in gates if one.name in ORDER[:-1]]
        return alone, [one for one in gates if one not in alone]

    def judged(self, drafted: Iterator[Pair | Rejection]) -> Iterator[Pair | Rejection]:
        """Pairs that passed every gate that looks at one pair alone, the cheapest first; rejections in their places."""
        found = self._passed(drafted, self._gates[0])
        if self.attempts is not None:
            found = closed_book_stage.closed_book(found, self.config.closed_book, model=self.attempts)
        if self.engines.judge is not None:
            found = judge_stage.judge(
                found,
                self.config.judge,
                model=self.engines.judge,
                document=self.store.get,
                required=judge_stage.STAGE in self.config.gate.require,
            )
        return found

    def remembering(self, pair: Pair) -> Pair | Rejection:
        """The pair after the gates that remember; to be called in the order of the decisions."""
        (found,) = self._passed([pair], self._gates[1])
        if isinstance(found, Rejection):
            return found
        new = [verdict for verdict in found.verdicts if verdict not in pair.verdicts]
        return found.model_copy(update={"verdicts": (*pair.verdicts, *new)})

    def compared(self) -> dict[str, Json]:
        """Gate -> the files that it compares pairs with, by name and hash."""
        files = gate_stage.compared([*self._gates[0], *self._gates[1]])
        return {name: [file.as_json() for file in several] for name, several in files.items()}

    def _passed(self, pairs: Iterable[Pair | Rejection], gates: Sequence[Gate]) -> Iterator[Pair | Rejection]:
        return gate_stage.gate(
            pairs,
            self.config.gate,
            texts=self.store.text,
            gates=gates,
            titles=lambda digest: self.store.get(digest).title,
            elsewhere=lambda pair: self._others.of(pair.documents, pair.split),
        )

    @cached_property
    def _others(self) -> Elsewhere:
        return Elsewhere(self.corpus, self.config.gate.neighbours)
