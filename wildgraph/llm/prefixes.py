"""In which order requests that begin with the same documents are sent, so that a server's prefix cache finds them.

Of the requests that share a prefix (a *group*) one goes first, the leader; the others follow when it is answered, for a prefix can be
used only once it is computed. Only so many groups are open at a time, since a cache has room for so many documents; how many is learnt
from the ``cached_tokens`` that the server reports for followers. A server that reports none is sent everything as it comes.

Plain bookkeeping without a clock; the dispatcher's lock guards it. Only the order of sending depends on it, never a result.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

S = TypeVar("S")

UNREPORTED = 8
"""Answered followers without a single hit after which the fewest groups are opened, since the cache may be that small. After four times
as many the server is taken to have no prefix cache, or not to report it."""

HIT = 0.25
"""Share of a follower's prompt that has to come from the cache: the documents are most of a prompt, a shared system line is not."""

MISSES = 0.02
"""Share of missed followers beyond which fewer groups are opened."""

LEAST, FIRST = 8.0, 4
"""Fewest groups open at once; in the beginning a quarter of what may be under way."""

GROWTH, SHRINK, PATIENCE = 0.1, 0.9, 4
"""How the number of open groups grows until prefixes are lost, shrinks when they are, and how many times longer it stays there."""


class _Group:
    """The requests with one prefix. ``leading`` while the first of them is under way, ``warm`` once it was answered."""

    __slots__ = ("backlogs", "leader", "pending", "running", "warm")

    def __init__(self) -> None:
        self.warm = False
        self.leader: object = None
        self.pending = 0
        self.running = 0
        self.backlogs: dict[int, Backlog[object]] = {}


class Backlog(Generic[S]):
    """What one map has waiting. Items without a prefix go first, in their order."""

    def __init__(self) -> None:
        self.plain: deque[S] = deque()
        self.groups: dict[str, deque[tuple[S, int]]] = {}
        self.weight = 0
        self._length = 0
        # The prefixes among ``groups`` by what may be done with them, in order of arrival; dictionaries serve as ordered sets.
        self.warm: dict[str, None] = {}
        self.cold: dict[str, None] = {}

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[S]:
        yield from self.plain
        for items in self.groups.values():
            yield from (item for item, _ in items)

    def push(self, item: S, prefix: str, weight: int) -> None:
        """Append an item."""
        self._length += 1
        if prefix:
            self.weight += weight
            self.groups.setdefault(prefix, deque()).append((item, weight))
        else:
            self.plain.append(item)

    def pop(self, prefix: str) -> S:
        """Take the first item of a group, or the first without a prefix."""
        self._length -= 1
        if not prefix:
            return self.plain.popleft()
        items = self.groups[prefix]
        item, weight = items.popleft()
        self.weight -= weight
        if not items:
            del self.groups[prefix]
            self.warm.pop(prefix, None)
            self.cold.pop(prefix, None)
        return item


class PrefixOrder(Generic[S]):
    """Decides which waiting item is next.

    Args:
        at_once: items with a prefix under way at most; as many groups may be open in the end, a quarter in the beginning.
    """

    def __init__(self, at_once: int) -> None:
        self.window = max(LEAST, at_once / FIRST)
        self.holds = True
        self._at_once = at_once
        self._running = 0
        self._groups: dict[str, _Group] = {}
        self._idle: OrderedDict[str, _Group] = OrderedDict()  # warm ones with nothing to do, the coldest first
        self._open = 0
        self._led = 0
        self._hits = 0
        self._missed = 0
        self._ever_hit = False
        self._full = math.inf  # the window at which prefixes were lost

    def add(self, backlog: Backlog[S], item: S, prefix: str, weight: int = 0) -> bool:
        """Let an item wait; whether it may be taken, as far as its own group is concerned."""
        if not self.holds:
            prefix = ""
        backlog.push(item, prefix, weight)
        if not prefix:
            return True
        group = self._groups.get(prefix)
        if group is None:
            group = self._groups[prefix] = _Group()
        if group.warm and not group.pending and not group.running:
            self._idle.pop(prefix, None)
            self._open += 1
        group.pending += 1
        group.backlogs[id(backlog)] = backlog  # type: ignore[assignment]
        if group.warm:
            backlog.warm[prefix] = None
        elif group.leader is None:
            backlog.cold[prefix] = None
        return group.warm or group.leader is None

    def take(self, backlog: Backlog[S]) -> tuple[S, str] | None:
        """The next item of a map and its prefix; ``None`` when all its items have to wait for a leader or for room."""
        if backlog.plain:
            return backlog.pop(""), ""
        if self._running >= self._at_once:
            return None  # who would only queue for its turn is better chosen later
        if not self.holds:
            return next(((self._begun(backlog, prefix), prefix) for prefix in backlog.groups), None)
        if backlog.cold and (self._open < int(self.window) or self._grown()):
            prefix = next(iter(backlog.cold))
            item = self._begun(backlog, prefix)
            group = self._groups[prefix]
            group.leader = item
            self._open += 1
            for other in group.backlogs.values():
                other.cold.pop(prefix, None)
            return item, prefix
        if backlog.warm:
            prefix = next(iter(backlog.warm))
            return self._begun(backlog, prefix), prefix
        return None

    def leads(self, item: S, prefix: str) -> bool:
        """Whether others wait for this item."""
        group = self._groups.get(prefix)
        return group is not None and group.leader is item

    def done(self, item: S, prefix: str, answered: bool) -> int:
        """An item came to its end; how many others may be taken because of it."""
        self._running -= 1
        group = self._groups.get(prefix)
        if group is None:
            return 0
        group.running -= 1
        freed = 0
        if group.leader is item:
            group.leader = None
            group.warm = answered
            self._led += answered
            self._open -= not answered
            for backlog in group.backlogs.values():
                if prefix in backlog.groups:
                    (backlog.warm if answered else backlog.cold)[prefix] = None
                    freed += len(backlog.groups[prefix]) if answered else 1
        return freed + self._rested(prefix, group)

    def heard(self, prompt_tokens: int, cached_tokens: int) -> None:
        """A follower was answered, and the server said how much of its prompt came from the cache."""
        hit = cached_tokens > HIT * prompt_tokens
        self._hits += hit
        self._missed += not hit
        self._ever_hit = self._ever_hit or hit
        if not self._ever_hit:
            if self._missed == UNREPORTED:
                self.window = LEAST
            self.holds = self._missed < 4 * UNREPORTED
        elif self._missed > max(1, MISSES * (self._hits + self._missed)):
            self._full = self.window
            self.window = max(LEAST, SHRINK * self.window)
            self._led = self._hits = self._missed = 0

    def drop(self, backlog: Backlog[S]) -> None:
        """Forget what a map has waiting."""
        for prefix in list(backlog.groups):
            group = self._groups.get(prefix)
            while prefix in backlog.groups:
                backlog.pop(prefix)
                if group is not None:
                    group.pending -= 1
            if group is not None:
                group.backlogs.pop(id(backlog), None)
                self._rested(prefix, group)
        while backlog.plain:
            backlog.pop("")

    def _begun(self, backlog: Backlog[S], prefix: str) -> S:
        item = backlog.pop(prefix)
        group = self._groups[prefix]
        self._running += 1
        group.pending -= 1
        group.running += 1
        if prefix not in backlog.groups:
            group.backlogs.pop(id(backlog), None)
        return item

    def _rested(self, prefix: str, group: _Group) -> int:
        """Close a group that has nothing to do; it is remembered as long as its prefix is likely to be cached."""
        if group.pending or group.running:
            return 0
        if not group.warm:
            self._groups.pop(prefix, None)
            return 0
        self._open -= 1
        self._idle[prefix] = group
        while len(self._idle) > max(0, int(self.window) - self._open):
            forgotten, _ = self._idle.popitem(last=False)
            del self._groups[forgotten]
        return 1

    def _grown(self) -> bool:
        """Open one more group where room is wanted and a window's worth of them went well: quickly at first, then carefully."""
        wanted = int(self.window) * (1 if self.window < SHRINK * self._full else PATIENCE)
        if self._led < wanted or self._missed > MISSES * (self._hits + self._missed) or self.window >= self._at_once:
            return False
        self.window = min(float(self._at_once), self.window + max(1.0, GROWTH * self.window if self._full == math.inf else 0.0))
        self._led = self._hits = self._missed = 0
        return self._open < int(self.window)
