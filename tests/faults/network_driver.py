"""A process that asks a fake server and writes what it got; the fault tests kill, interrupt and starve it."""

from __future__ import annotations

import argparse
import resource
import sys
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel

from wildgraph.backends.openai_compatible import OpenAICompatible
from wildgraph.errors import WildgraphError
from wildgraph.llm import ChatRequest, Patience, Prompt, ResponseCache, Template

TEMPLATE = Template("stages/mine", 1, "abc", (("user", "Number {{ n }}, please."),))


class Point(BaseModel):
    x: int
    label: str


def main() -> int:
    """Two chained maps over ``count`` requests; the results go to ``out``, one line each, when all are there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--file-size", type=int, default=0)
    args = parser.parse_args()
    if args.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (args.file_size, args.file_size))
    patience = Patience(total=30.0, first_wait=0.01, longest_wait=0.1)
    try:
        with (
            ResponseCache(args.folder / "cache.sqlite") as cache,
            closing(OpenAICompatible("fake", args.base_url, "", args.concurrency, cache, patience=patience)) as model,
        ):
            first = model.map(ChatRequest(f"a{n}", Prompt(TEMPLATE, {"n": n}), Point) for n in range(args.count))
            second = model.map(ChatRequest(f"b{c.request_id}", Prompt(TEMPLATE, {"n": c.text})) for c in first)
            lines = []
            for completion in second:
                lines.append(f"{completion.request_id}\t{completion.text}\t{completion.failure}\n")
                print(len(lines), flush=True)  # noqa: T201
            (args.folder / "out.txt").write_text("".join(lines))
    except WildgraphError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
