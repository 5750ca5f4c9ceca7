"""OpenAssistant conversations (Köpf et al. 2023, arXiv 2304.07327): whole trees, or flat messages to be put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wildgraph.readers.layout import Logged, conversation, conversations, unknown_layout
from wildgraph.records import Conversation, Rejection
from wildgraph.rows import Row

_TOXIC_FROM = 0.5


def _toxic(message: Mapping[str, object]) -> bool | None:
    """The verdict of the message's own detoxify score, where it has one."""
    scores = message.get("detoxify")
    score = scores.get("toxicity") if isinstance(scores, Mapping) else None
    return score >= _TOXIC_FROM if isinstance(score, float) else None


class OasstTree:
    """One tree per row: ``prompt`` with nested ``replies``. The conversation is the root prompt, its turns those of the longest thread."""

    name = "oasst-tree"

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with a ``prompt`` object and a ``message_tree_id``."""
        prompt = row.get("prompt")
        return "message_tree_id" in row and isinstance(prompt, Mapping) and "text" in prompt

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per tree."""
        return conversations(rows, self._understand)

    @staticmethod
    def _understand(row: Mapping[str, object]) -> Logged | None:
        prompt = row.get("prompt")
        if not isinstance(prompt, Mapping):
            return None
        text = prompt.get("text")
        return Logged(
            [text] if isinstance(text, str) else [],
            user=prompt.get("user_id"),
            native_id=row.get("message_tree_id"),
            language=prompt.get("lang"),
            toxic=_toxic(prompt),
            turns=_user_turns(prompt),
        )


def _user_turns(prompt: Mapping[str, object]) -> int:
    """User turns on the thread that has most of them, without recursion: a hostile tree may be deep."""
    most = 0
    open_threads: list[tuple[Mapping[str, object], int]] = [(prompt, 0)]
    while open_threads:
        message, turns = open_threads.pop()
        turns += message.get("role") == "prompter"
        most = max(most, turns)
        replies = message.get("replies")
        if isinstance(replies, list):
            open_threads.extend((reply, turns) for reply in replies if isinstance(reply, Mapping))
    return most


@dataclass
class _OpenTree:
    """What is kept of a tree while its messages come in."""

    first: Row
    root: Row | None = None
    turns: dict[str, int] = field(default_factory=dict)  # message id -> user turns on the thread down to it


class OasstMessages:
    """One message per row. Messages of a tree may lie apart, but no more than ``window`` other trees."""

    name = "oasst"

    def __init__(self, window: int = 4096) -> None:
        self.window = window

    def recognises(self, row: Mapping[str, object]) -> bool:
        """Rows with ``message_id``, ``parent_id``, ``text`` and ``role``."""
        return all(key in row for key in ("message_id", "parent_id", "text", "role"))

    def read(self, rows: Iterable[Row]) -> Iterator[Conversation | Rejection]:
        """One conversation per tree, in the order in which trees begin. A tree without its root prompt is a rejection."""
        trees: OrderedDict[str, _OpenTree] = OrderedDict()
        for row in rows:
            identity = row.values.get("message_id")
            if not isinstance(identity, str) or not self.recognises(row.values):
                yield unknown_layout(row)
                continue
            parent = row.values.get("parent_id")
            name = str(row.values.get("message_tree_id") or (identity if parent is None else parent))
            if name not in trees:
                trees[name] = _OpenTree(row)
                if len(trees) > self.window:
                    yield self._close(*trees.popitem(last=False))
            tree = trees[name]
            before = tree.turns.get(parent, 0) if isinstance(parent, str) else 0
            tree.turns[identity] = before + (row.values.get("role") == "prompter")
            if parent is None and row.values.get("role") == "prompter" and tree.root is None:
                tree.root = row
        while trees:
            yield self._close(*trees.popitem(last=False))

    @staticmethod
    def _close(name: str, tree: _OpenTree) -> Conversation | Rejection:
        root = tree.root or tree.first
        text = root.values.get("text") if tree.root else None
        said = Logged(
            [text] if isinstance(text, str) else [],
            user=root.values.get("user_id"),
            native_id=name,
            language=root.values.get("lang"),
            toxic=_toxic(root.values),
            turns=max(tree.turns.values()),
        )
        return conversation(root, said)
