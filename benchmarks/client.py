"""What the model layer costs and how well it keeps a server busy, as ratios against named things in the same run.

    python benchmarks/client.py                 # everything, about five minutes
    python benchmarks/client.py cpu memory      # some of it

CPU seconds are those of the client's process with all its threads, medians of alternating rounds; the server runs in a process of its own and
costs less than any client. Wall time says something only on a machine that has both cores to itself.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from light_server import latency_of
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from wildgraph.backends.openai_compatible import OpenAICompatible  # noqa: E402
from wildgraph.llm import ChatRequest, Decoding, Prompt, ResponseCache, Template  # noqa: E402
from wildgraph.llm.chat_completions import ChatCompletions  # noqa: E402
from wildgraph.llm.network import NetworkModel  # noqa: E402
from wildgraph.llm.questions import Questions  # noqa: E402
from wildgraph.llm.structured import strict_schema  # noqa: E402
from wildgraph.llm.wire import Reply  # noqa: E402

THRESHOLD = 50_000
"""Of the garbage collector, as :func:`wildgraph.cli.entry` sets it."""

TEMPLATE = Template("bench/point", 1, "0" * 16, (("user", "{{ text }}\n\nRecord {{ n }}: fill in the form."),))
TEXT = ("The parties agree that the lease of the mill shall run for eleven years from the day of signing. " * 21)[:2000]


class Form(BaseModel):
    """An answer of ordinary size."""

    title: str
    kind: str
    amount: int
    parties: list[str]


def requests(count: int, salt: str = "", start: int = 0) -> Iterator[ChatRequest]:
    """Distinct structured requests with a 2 KB prompt."""
    for n in range(start, start + count):
        yield ChatRequest(f"r{n}", Prompt(TEMPLATE, {"text": TEXT, "n": f"{salt}{n}"}), Form, Decoding(max_tokens=200))


@contextmanager
def server(latency: float = 0.0, lognormal: float = 0.0, host: str = "127.0.0.1") -> Iterator[str]:
    """A server in a process of its own; its base URL."""
    command = [sys.executable, str(ROOT / "benchmarks/light_server.py"), "--latency", str(latency), "--lognormal", str(lognormal)]
    process = subprocess.Popen([*command, "--host", host], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://{host}:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def own_address() -> str:
    """This machine's address in its network, where it has one: proxies are looked for there, as for any server elsewhere."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def drain(model: OpenAICompatible | NetworkModel, asked: Iterator[ChatRequest]) -> int:
    """Answers, thrown away; how many were good."""
    return sum(completion.parsed is not None for completion in model.map(asked))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def show(what: str, value: float, unit: str, target: str) -> None:
    """One line."""
    print(f"{what:<76}{value:>9.3f} {unit:<4}{target}", flush=True)


# --------------------------------------------------------------------------- CPU


@contextmanager
def collector(threshold: int) -> Iterator[None]:
    """Another threshold of Python's garbage collector for a while."""
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(threshold)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def ours(url: str, concurrency: int, count: int) -> tuple[float, float]:
    """Wall and CPU seconds, cache commit and validation included; connections are open already."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ResponseCache(Path(folder) / "c.sqlite") as cache,
        closing(OpenAICompatible("fake", url, "", concurrency, cache)) as model,
    ):
        assert drain(model, requests(concurrency, "warm")) == concurrency
        return timed(lambda: drain(model, requests(count)))


def bare(url: str, concurrency: int, count: int) -> tuple[float, float]:
    """The same bodies, written beforehand, with aiohttp, orjson and uvloop alone, nothing kept or checked; connections are open already."""
    import aiohttp
    import orjson
    import uvloop

    wire = ChatCompletions("fake")
    questions = Questions("m")

    def bodies(number: int) -> Iterator[bytes]:
        return iter([wire.body(questions.first(request))[0] for request in requests(number)])  # type: ignore[arg-type]

    async def run() -> tuple[float, float]:
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

            async def work(left: Iterator[bytes]) -> None:
                for body in left:
                    async with session.post(f"{url}/chat/completions", data=body) as response:
                        orjson.loads(await response.read())

            spent = (0.0, 0.0)
            for left in (bodies(concurrency), bodies(count)):
                wall, cpu = time.perf_counter(), time.process_time()
                await asyncio.gather(*(work(left) for _ in range(concurrency)))
                spent = time.perf_counter() - wall, time.process_time() - cpu
            return spent

    return uvloop.run(run())


def sdk(url: str, concurrency: int, count: int) -> tuple[float, float]:
    """Plain ``openai.AsyncOpenAI`` with the schema written by hand, answers validated, nothing kept; connections are open already."""
    import json

    from openai import AsyncOpenAI

    schema = {"type": "json_schema", "json_schema": {"name": "Form", "strict": True, "schema": json.loads(strict_schema(Form)[0])}}

    async def run() -> tuple[float, float]:
        async with AsyncOpenAI(base_url=url, api_key="k") as client:

            async def work(left: Iterator[list[dict[str, str]]]) -> None:
                for messages in left:
                    reply = await client.chat.completions.create(model="fake", messages=messages, max_tokens=200, response_format=schema)  # type: ignore[call-overload]
                    Form.model_validate_json(reply.choices[0].message.content)

            spent = (0.0, 0.0)
            for number in (concurrency, count):
                left = iter([request.prompt.messages() for request in requests(number)])
                wall, cpu = time.perf_counter(), time.process_time()
                await asyncio.gather(*(work(left) for _ in range(concurrency)))
                spent = time.perf_counter() - wall, time.process_time() - cpu
            return spent

    return asyncio.run(run())


def cpu(count: int = 3000, rounds: int = 5) -> None:
    """CPU per request at two concurrencies, in alternating rounds."""
    with server() as url, server(host=own_address()) as beyond:
        for concurrency in (64, 512):
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                for name, ask, address, number, threshold in (
                    ("ours", ours, url, count, THRESHOLD),
                    ("bare", bare, url, count, gc.get_threshold()[0]),
                    ("library", ours, url, count, gc.get_threshold()[0]),
                    ("sdk", sdk, url, count // 5, gc.get_threshold()[0]),
                    ("beyond", ours, beyond, count, THRESHOLD),
                ):
                    with collector(threshold):
                        found.setdefault(name, []).append(1000 * ask(address, concurrency, number)[1] / number)
            mine, plain, other, default, far = (statistics.median(found[name]) for name in ("ours", "bare", "sdk", "library", "beyond"))
            show(f"CPU per request, commit and validation included, concurrency {concurrency}", mine, "ms", "≤ 0.5")
            show("  with Python's usual collector instead of the command line's", default, "ms", "≤ 0.5")
            show("  to an address that is not loopback", far, "ms", "≤ 0.5")
            show(f"  against bare aiohttp + orjson + uvloop ({plain:.3f} ms)", mine / plain, "×", "")
            show(f"  against openai.AsyncOpenAI, which keeps nothing ({other:.3f} ms)", mine / other, "×", "")


# --------------------------------------------------------------------------- throughput


def throughput(rounds: int = 3) -> None:
    """Wall time against the ideal of a server that answers any number of requests at once, and what a bare client reaches of it."""
    with server(0.2) as url:
        for concurrency, count, target in ((64, 1280, "≤ 1.05"), (512, 5120, "≤ 1.4")):
            ideal = 0.2 * count / concurrency
            walls: list[tuple[float, float]] = []
            for _ in range(rounds):
                with collector(THRESHOLD):
                    walls.append((ours(url, concurrency, count)[0], bare(url, concurrency, count)[0]))
            mine, plain = (statistics.median(wall) / ideal for wall in zip(*walls, strict=True))
            show(f"{count} requests of 200 ms, {concurrency} at once, against the ideal", mine, "×", target)
            show("  bare aiohttp + orjson + uvloop, the same bodies", plain, "×", "")


def lognormal(count: int = 640, concurrency: int = 64, median: float = 0.5, sigma: float = 0.8) -> None:
    """Latencies as of real models, against a sliding window over the very same latencies."""
    with server(median, sigma) as url, closing(OpenAICompatible("fake", url, "", concurrency)) as model:
        wire, questions = model.wire, model.questions
        draw = latency_of(median, sigma)
        latencies = [draw(wire.body(questions.first(request))[0]) for request in requests(count)]  # type: ignore[arg-type]
        free = [0.0] * concurrency
        for latency in latencies:  # who is free first takes the next one
            place = free.index(min(free))
            free[place] += latency
        drain(model, requests(8, "warm"))
        wall, _ = timed(lambda: drain(model, requests(count)))
    show(f"{count} requests, log-normal (median {median:g} s, σ {sigma:g}), against a sliding window", wall / max(free), "×", "≤ 1.05")


def chained(count: int = 1280, concurrency: int = 64, rounds: int = 3) -> None:
    """Two stages at two servers through one cache, the second asked with the answers of the first."""
    walls = []
    with server(0.1) as first_url, server(0.2) as second_url:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder, ResponseCache(Path(folder) / "c.sqlite") as cache:
                one = OpenAICompatible("fake", first_url, "", concurrency, cache, server_group="one")
                two = OpenAICompatible("fake", second_url, "", concurrency, cache, server_group="two")
                with closing(one), closing(two), collector(THRESHOLD):
                    drain(one, requests(concurrency, "warm"))
                    drain(two, requests(concurrency, "warm"))

                    def both(one: OpenAICompatible = one, two: OpenAICompatible = two) -> None:
                        first = one.map(requests(count))
                        asked = (
                            ChatRequest(done.request_id, Prompt(TEMPLATE, {"text": done.text, "n": done.request_id}), Form)
                            for done in first
                        )
                        assert drain(two, asked) == count

                    walls.append(timed(both)[0])
    ideal = 0.2 * count / concurrency
    show("two chained stages (100 and 200 ms), against the longer one's ideal", statistics.median(walls) / ideal, "×", "≤ 1.1")


# --------------------------------------------------------------------------- prefix cache


class CachingServer:
    """A transport with a simulated prefix cache: a document is there once a request with it has finished, the oldest makes room."""

    def __init__(self, room: int, seconds: float) -> None:
        self.room, self.seconds = room, seconds
        self.held: OrderedDict[str, None] = OrderedDict()
        self.hits = self.asked = 0

    async def post(self, body: bytes, prefix: str = "") -> Reply:
        """Answer after a while, hits in half the time."""
        document = body[body.index(b"Document ") :][:13].decode()
        hit = document in self.held
        self.asked += 1
        self.hits += hit
        await asyncio.sleep(self.seconds * random.uniform(0.7, 1.3) * (0.5 if hit else 1.0))
        self.held[document] = None
        self.held.move_to_end(document)
        while len(self.held) > self.room:
            self.held.popitem(last=False)
        usage = f'{{"prompt_tokens":8200,"completion_tokens":9,"prompt_tokens_details":{{"cached_tokens":{8000 if hit else 0}}}}}'
        return Reply(200, {}, f'{{"choices":[{{"message":{{"content":"yes"}},"finish_reason":"stop"}}],"usage":{usage}}}'.encode())

    async def close(self) -> None:
        """Nothing to close."""


def prefixes(documents: int = 120, each: int = 8, room: int = 24, concurrency: int = 64) -> None:
    """Hit rate of a prefix cache, with and without the order of sending."""
    template = Template("bench/read", 1, "0" * 16, (("user", "Document {{ document }}\n{{ text }}\nQuestion {{ n }}"),))
    asked = [(document, n) for document in range(documents) for n in range(each)]
    for name, shuffled, ordered, target in (
        ("random order, leaders first", True, True, "≥ 0.86 of 0.875"),
        ("grouped, leaders first", False, True, "≥ 0.86 of 0.875"),
        ("random order, as they come", True, False, ""),
        ("grouped, as they come", False, False, ""),
    ):
        random.Random(0).shuffle(asked) if shuffled else asked.sort()
        transport = CachingServer(room, 0.4)
        model = NetworkModel(
            questions=Questions("bench"), server="bench", model="m", wire=ChatCompletions("m"), transport=transport, concurrency=concurrency
        )
        prompts = (
            ChatRequest(
                f"{document} {n}",
                Prompt(template, {"document": f"{document:04}", "text": TEXT, "n": n}),
                prefix=str(document) if ordered else "",
            )
            for document, n in asked
        )
        wall, _ = timed(lambda model=model, prompts=prompts: sum(1 for _ in model.map(prompts)))  # type: ignore[misc]
        model.close()
        show(f"prefix cache of {room} documents, {name} ({wall:.1f} s): hit rate", transport.hits / transport.asked, "", target)


# --------------------------------------------------------------------------- memory


class Parrot:
    """A transport that answers at once."""

    def __init__(self) -> None:
        message = r"{\"title\":\"a\",\"kind\":\"b\",\"amount\":3,\"parties\":[\"c\",\"d\"]}"
        usage = '{"prompt_tokens":500,"completion_tokens":20}'
        self._reply = Reply(
            200, {}, f'{{"choices":[{{"message":{{"content":"{message}"}},"finish_reason":"stop"}}],"usage":{usage}}}'.encode()
        )

    async def post(self, body: bytes, prefix: str = "") -> Reply:
        """The same answer to everything."""
        await asyncio.sleep(0)
        return self._reply

    async def close(self) -> None:
        """Nothing to close."""


def peak(count: int) -> None:
    """Print this process's peak memory after so many requests through the cache."""
    with tempfile.TemporaryDirectory() as folder, ResponseCache(Path(folder) / "c.sqlite") as cache:
        model = NetworkModel(
            questions=Questions("bench"),
            server="bench",
            model="m",
            wire=ChatCompletions("m"),
            transport=Parrot(),
            concurrency=64,
            cache=cache,
        )
        assert drain(model, requests(count)) == count
        model.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def memory(few: int = 10_000, many: int = 200_000) -> None:
    """Peak memory of many requests against few, each in a process of its own, results thrown away."""
    found = [
        int(subprocess.run([sys.executable, __file__, "--peak", str(count)], check=True, capture_output=True, text=True).stdout)
        for count in (few, many)
    ]
    show(f"peak memory at {many:,} requests ({found[1] / 1024:.0f} MB) against {few:,}", found[1] / found[0], "×", "≤ 1.1")


PARTS: dict[str, Callable[[], None]] = {
    "cpu": cpu,
    "throughput": throughput,
    "lognormal": lognormal,
    "chained": chained,
    "prefixes": prefixes,
    "memory": memory,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.peak:
        peak(args.peak)
        return
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for part in args.parts or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
