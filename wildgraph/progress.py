"""What the command line shows while a command runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from wildgraph.readable import dollars, duration, short

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from wildgraph.funnel import StageCount

_LINE_EVERY = 10.0
_FRAME_EVERY = 0.1
_SETTLED = 0.5  # seconds before a rate says something
#: Columns of the live table with their widths, the first to the left: eighty in all.
_COLUMNS = {"stage": 12, "in": 12, "out": 12, "rows/s": 7, "asked": 7, "cached": 7, "tokens": 7, "spent": 9, "ETA": 7}


class Progress:
    """Shows stages as they run, on stderr. Nothing when quiet; a live table on a terminal; a line every ten seconds elsewhere.

    Args:
        quiet: show nothing.
        wanted: accepted pairs wanted, for the share done.
    """

    def __init__(self, quiet: bool = False, wanted: int | None = None) -> None:
        self.quiet = quiet
        self.wanted = wanted
        self._stages: dict[str, tuple[StageCount, int | None, float]] = {}
        self._shown = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start the live table where there is a terminal."""
        if not self.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()

    def __call__(self, count: StageCount, total: int | None, /) -> None:
        """Show a stage's count; called after every item, drawn now and then."""
        if self.quiet:
            return
        now = time.monotonic()
        _, _, started = self._stages.get(count.stage, (None, None, now))
        self._stages[count.stage] = (count, total, started)
        done = total is not None and count.entered >= total
        if self._live is not None:
            if now - self._shown >= _FRAME_EVERY or done:
                self._live.update(self._table(now), refresh=True)
                self._shown = now
        elif now - self._shown >= _LINE_EVERY or (done and count.seconds):
            click.echo(self._line(count, total, now - started), err=True)
            self._shown = now

    def _line(self, count: StageCount, total: int | None, seconds: float) -> str:
        rate, eta = self._speed(count, total, seconds)
        parts = [f"{count.stage}: {count.entered}{f'/{total}' if total else ''} in, {count.passed} out"]
        if count.doing:
            parts.append(count.doing)
        if count.rejected:
            parts.append(f"dropped {_reasons(count)}")
        if count.requests or count.cache_hits:
            tokens = count.prompt_tokens + count.completion_tokens
            spent = [f"{tokens} tokens"] if tokens else []
            spent += [dollars(count.cost)] if count.cost else []
            spent += [f"{count.retries} retries"] if count.retries > count.requests // 10 else []
            parts.append(", ".join([f"{count.requests} requests, {count.cache_hits} from cache", *spent]))
        return "; ".join([*parts, *([f"{rate} rows/s"] if rate else []), *([f"ETA {eta}"] if eta else [])])

    def _speed(self, count: StageCount, total: int | None, seconds: float) -> tuple[str, str]:
        """Rows in a second, and the time that is left; empty where that cannot be said."""
        if seconds < _SETTLED or not count.entered:
            return "", ""
        rate = count.entered / seconds
        goal, so_far = (self.wanted, count.passed) if count.stage == "gate" and self.wanted else (total, count.entered)
        eta = duration((goal - so_far) * seconds / so_far) if goal and so_far and goal > so_far else ""
        return f"{rate:.1f}" if rate < 1000.0 else short(rate), eta

    def _table(self, now: float) -> Text:
        """The live table: a row for each stage with what it dropped below it, and what all of them asked and spent."""
        from rich.text import Text

        table = Text(no_wrap=True, overflow="ellipsis")
        table.append(_row(*_COLUMNS), style="bold")
        for name, (count, total, started) in self._stages.items():
            rate, eta = self._speed(count, total, count.seconds or now - started)
            taken = f"{short(count.entered)}{f'/{short(total)}' if total else ''}"
            passed = f"{short(count.passed)}{f'/{short(self.wanted)}' if name == 'gate' and self.wanted else ''}"
            table.append(f"\n{_row(name, taken, passed, rate, *_bill([count]), eta)}")
            if count.doing:
                table.append(f"\n  {count.doing}", style="dim")
            if count.rejected:
                table.append(f"\n  dropped {_reasons(count)}", style="dim")
        asking = [count for count, _, _ in self._stages.values() if count.requests or count.cache_hits]
        if len(asking) > 1:
            table.append(f"\n{_row('together', '', '', '', *_bill(asking), '')}", style="bold")
        return table


def _row(*cells: str) -> str:
    """A row of the live table.

    Example:
        >>> len(_row("canonicalize", "99.9k/99.9k", "99.9k/99.9k", "999.9", "9,999", "9,999", "1.23M", "$0.1234", "12 min"))
        80
    """
    first, *others = zip(cells, _COLUMNS.values(), strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)


def _bill(counts: list[StageCount]) -> tuple[str, str, str, str]:
    asked, cached = sum(one.requests for one in counts), sum(one.cache_hits for one in counts)
    tokens, cost = sum(one.prompt_tokens + one.completion_tokens for one in counts), sum(one.cost for one in counts)
    return (*(short(number) if number else "" for number in (asked, cached, tokens)), dollars(cost) if cost else "")  # type: ignore[return-value]


def _reasons(count: StageCount) -> str:
    return ", ".join(f"{reason} {number:,}" for reason, number in count.rejected.most_common(3))
