"""The order of sending: leaders first, followers when the prefix is there, as many groups as the server's cache has room for."""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict, deque
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildgraph.llm.prefixes import UNREPORTED, Backlog, PrefixOrder

Item = tuple[str, int]


class PrefixCache:
    """A simulated server: a prefix can be used once a request with it has finished, and the least recently used one makes room."""

    def __init__(self, room: int, reports: bool = True) -> None:
        self.room, self.reports = room, reports
        self.held: OrderedDict[str, None] = OrderedDict()
        self.hits = self.asked = 0

    def begin(self, prefix: str) -> bool:
        self.asked += 1
        hit = prefix in self.held
        if hit:
            self.held.move_to_end(prefix)
        self.hits += hit
        return hit

    def finish(self, prefix: str) -> None:
        self.held[prefix] = None
        self.held.move_to_end(prefix)
        while len(self.held) > self.room:
            self.held.popitem(last=False)

    @property
    def rate(self) -> float:
        return self.hits / self.asked


def simulate(items: Iterable[Item], workers: int, cache: PrefixCache, order: PrefixOrder[Item] | None, chain: int = 1) -> float:
    """Send everything with ``workers`` at once, in order or as ``order`` says; each item comes back ``chain`` times in all. Seconds it took."""
    rng = random.Random(0)
    backlogs: list[Backlog[Item]] = [Backlog() for _ in range(chain)]
    plain = deque(items)
    if order is not None:
        while plain:
            order.add(backlogs[0], plain[0], plain[0][0], 1)
            plain.popleft()
    now, running = 0.0, []
    while True:
        while len(running) < workers:
            if order is None:
                taken, stage = (plain.popleft() if plain else None), 0
            else:
                found = ((order.take(backlog), stage) for stage, backlog in enumerate(backlogs))
                got, stage = next(((one, stage) for one, stage in found if one), (None, 0))
                taken = got[0] if got else None
            if taken is None:
                break
            hit = cache.begin(taken[0])
            heapq.heappush(running, (now + rng.lognormvariate(0, 0.3) * (0.5 if hit else 1.0), len(running), taken, stage, hit))
        if not running:
            assert not plain
            assert not any(map(len, backlogs)), "items wait and nothing runs"
            return now
        now, _, item, stage, hit = heapq.heappop(running)
        cache.finish(item[0])
        if order is None:
            continue
        if not order.leads(item, item[0]):
            order.heard(1000, 900 if hit and cache.reports else 0)
        order.done(item, item[0], True)
        if stage + 1 < chain:
            order.add(backlogs[stage + 1], item, item[0], 1)


def questions(documents: int, each: int, shuffled: bool) -> list[Item]:
    items = [(f"d{document}", question) for document in range(documents) for question in range(each)]
    if shuffled:
        random.Random(1).shuffle(items)
    return items


@pytest.mark.parametrize("shuffled", [False, True])
def test_nearly_every_follower_finds_its_prefix(shuffled: bool):
    cache = PrefixCache(24)
    simulate(questions(120, 8, shuffled), 64, cache, PrefixOrder(64))
    assert cache.rate >= 0.86  # of 0.875 that are to be had


def test_without_an_order_hardly_any_does():
    scattered, grouped = PrefixCache(24), PrefixCache(24)
    simulate(questions(120, 8, True), 64, scattered, None)
    simulate(questions(120, 8, False), 64, grouped, None)
    assert scattered.rate < 0.3
    assert grouped.rate < 0.6


def test_chained_questions_about_one_document_each_are_not_held_up_for_long():
    items = questions(1500, 1, False)
    ordered, free = PrefixCache(200), PrefixCache(200)
    seconds = simulate(items, 64, ordered, PrefixOrder(64), chain=3)
    order: PrefixOrder[Item] = PrefixOrder(64)
    order.holds = False
    assert seconds <= 1.25 * simulate(items, 64, free, order, chain=3)
    assert ordered.rate > 0.6


def test_a_server_that_reports_nothing_is_sent_everything_as_it_comes():
    cache, order = PrefixCache(24, reports=False), PrefixOrder[Item](64)
    seconds = simulate(questions(120, 8, True), 64, cache, order)
    assert not order.holds
    assert seconds < 1.3 * simulate(questions(120, 8, True), 64, PrefixCache(24), None)


def test_the_window_shrinks_when_prefixes_are_lost():
    order, before = PrefixOrder[Item](64), 16.0
    assert order.window == before
    for _ in range(20):
        for _ in range(3):
            order.heard(1000, 900)
        order.heard(1000, 0)
        assert order.window <= before
        before = order.window
    assert order.window < 12


def test_the_window_grows_while_prefixes_are_found_and_room_is_wanted():
    order = PrefixOrder[Item](64)
    simulate(questions(600, 2, True), 64, PrefixCache(1000), order)
    assert order.window > 40


def test_one_server_reply_too_few_is_no_reason_to_stop_holding():
    order = PrefixOrder[Item](16)
    for _ in range(4 * UNREPORTED - 1):
        order.heard(1000, 0)
    assert order.holds
    order.heard(1000, 900)
    for _ in range(40 * UNREPORTED):
        order.heard(1000, 0)
    assert order.holds


def test_after_a_leader_that_failed_the_next_one_leads():
    order, backlog = PrefixOrder[Item](8), Backlog[Item]()
    items = [("d", n) for n in range(3)]
    for item in items:
        order.add(backlog, item, "d")
    assert order.take(backlog) == (items[0], "d")
    assert order.take(backlog) is None
    assert order.done(items[0], "d", answered=False) == 1
    assert order.take(backlog) == (items[1], "d")
    assert order.take(backlog) is None
    assert order.done(items[1], "d", answered=True) == 1
    assert order.take(backlog) == (items[2], "d")


def test_what_has_no_prefix_never_waits():
    order, backlog = PrefixOrder[Item](8), Backlog[Item]()
    order.add(backlog, ("d", 0), "d")
    order.add(backlog, ("d", 1), "d")
    order.add(backlog, ("", 2), "")
    assert order.take(backlog) == (("", 2), "")
    assert order.take(backlog) == (("d", 0), "d")
    order.add(backlog, ("", 3), "")
    assert order.take(backlog) == (("", 3), "")
    assert len(backlog) == 1


def test_what_is_dropped_holds_nobody_up():
    order, gone, stays = PrefixOrder[Item](8), Backlog[Item](), Backlog[Item]()
    for n in range(20):
        order.add(gone, (f"d{n}", n), f"d{n}", 7)
        order.add(stays, (f"d{n}", 100 + n), f"d{n}", 7)
    taken = order.take(gone)
    order.drop(gone)
    assert (len(gone), gone.weight) == (0, 0)
    assert taken is not None
    order.done(*taken, answered=True)
    rest = []
    while (item := order.take(stays)) is not None:
        rest.append(item)
        order.done(*item, answered=True)
    assert len(rest) == 20


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b", "c", "d", "e"]), st.integers(0, 2), st.booleans()), max_size=120),
    st.integers(min_value=1, max_value=12),
    st.randoms(use_true_random=False),
)
def test_everything_is_taken_once_whatever_happens(items: list[tuple[str, int, bool]], workers: int, rng: random.Random):
    order, backlogs = PrefixOrder[tuple[int, bool]](workers), [Backlog[tuple[int, bool]]() for _ in range(3)]
    waiting, running, seen = list(enumerate(items)), [], []
    while waiting or running or any(map(len, backlogs)):
        if waiting and rng.random() < 0.5:
            n, (prefix, lane, answered) = waiting.pop()
            order.add(backlogs[lane], (n, answered), prefix)
            continue
        rng.shuffle(backlogs)
        taken = next((one for one in map(order.take, backlogs) if one), None) if len(running) < workers else None
        if taken:
            running.append(taken)
            seen.append(taken[0][0])
        elif running:
            item, prefix = running.pop(rng.randrange(len(running)))
            if prefix:
                if not order.leads(item, prefix):
                    order.heard(100, rng.choice((0, 0, 100)))
                order.done(item, prefix, item[1])
        else:
            assert waiting, "items wait and nothing runs"
    assert sorted(seen) == list(range(len(items)))
