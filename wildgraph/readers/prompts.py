"""Sets of prompts, kept by benchmarks and instruction sets: Alpaca, self-instruct, arena-hard, MT-bench, LongBench-Write, WildChat-hard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wildgraph.readers.layout import Logged, conversations, objects, text_of
from wildgraph.records import Conversation, Rejection
from wildgraph.rows import Row


class Alpaca:
    """``instruction``, ``input``, ``output`` (Taori et al. 2023); the input is what the instruction works on."""

    name = "alpaca"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with all three."""
        return all(isinstance(row.get(key), str) for key in ("instruction", "output")) and "input" in row

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        instruction, given = row.get("instruction"), row.get("input")
        if not isinstance(instruction, str) or not isinstance(given, str | None):
            return None
        return Logged([instruction], native_id=row.get("id"), pasted=_given(given))


class SelfInstruct:
    """``instruction`` with ``instances`` of input and output (Wang et al. 2022, arXiv 2212.10560); the first instance counts."""

    name = "self-instruct"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with an instruction and a list of instances."""
        return isinstance(row.get("instruction"), str) and objects(row.get("instances")) is not None

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        instruction, instances = row.get("instruction"), objects(row.get("instances"))
        if not isinstance(instruction, str) or instances is None:
            return None
        return Logged([instruction], native_id=row.get("id"), pasted=_given(instances[0].get("input")))


def _given(value: object) -> str:
    """An input column's text; some files write a marker for none."""
    return "" if not isinstance(value, str) or value.strip().strip("<>").lower() in ("", "noinput", "no input", "n/a") else value


class ArenaHard:
    """arena-hard (Li et al. 2024, arXiv 2406.11939): v0.1 with ``cluster``, v2 with ``subcategory``."""

    name = "arena-hard"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``prompt``, ``category`` and ``cluster`` or ``subcategory``."""
        return ("prompt" in row or "turns" in row) and "category" in row and ("cluster" in row or "subcategory" in row)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        turns = _turns(row.get("turns")) if "turns" in row else None
        prompt = row.get("prompt")
        if turns is None and isinstance(prompt, str):
            turns = [prompt]
        return None if turns is None else Logged(turns, native_id=row.get("uid") or row.get("question_id"), language=row.get("language"))


class MTBench:
    """MT-bench (Zheng et al. 2023, arXiv 2306.05685): ``turns`` of one question."""

    name = "mt-bench"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``question_id`` and ``turns``."""
        return "question_id" in row and isinstance(row.get("turns"), list)

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        turns = _turns(row.get("turns"))
        return None if turns is None else Logged(turns, native_id=row.get("question_id"))


def _turns(value: object) -> list[str] | None:
    """User turns given as a list of texts or of objects with a content."""
    return [text_of(turn) for turn in value] if isinstance(value, list) else None


class LongBenchWrite:
    """LongBench-Write (Bai et al. 2024, arXiv 2408.07055): ``prompt``, ``type`` and the ``length`` asked for."""

    name = "longbench-write"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with all three."""
        return isinstance(row.get("prompt"), str) and "type" in row and "length" in row

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        prompt = row.get("prompt")
        return Logged([prompt]) if isinstance(prompt, str) else None


class WildChatHard:
    """The hard WildChat subsets: ``id``, ``cat``, ``hardness``, ``instruction``."""

    name = "wildchat-hard"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with an instruction and its hardness."""
        return isinstance(row.get("instruction"), str) and "hardness" in row

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per row."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        instruction = row.get("instruction")
        return Logged([instruction], native_id=row.get("id")) if isinstance(instruction, str) else None
