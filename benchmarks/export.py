"""How much memory an export takes, whatever it writes: synthetic pairs over long documents, as SFT, DPO and GRPO rows.

    OMP_NUM_THREADS=1 python -m benchmarks.export --gb 4 --folder /somewhere/with/room

Every row holds its documents, so the JSON bytes of the rows are what is streamed through. Memory is resident memory that the call adds,
looked at every 5 ms; it is printed for an eighth, a half and the whole of the size, so that growth would be seen.
"""

import argparse
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import cost, resident
from wildgraph.exporters.files import shards_in
from wildgraph.exporting import Written, write_datasets
from wildgraph.records import (
    Alternative,
    Checker,
    Document,
    DocumentRef,
    Message,
    Pair,
    Provenance,
    TokenCounts,
    content_hash,
)
from wildgraph.stages.export import ExportConfig

#: Characters of a document: about 32,000 tokens.
LENGTH = 150_000
OBJECTIVES = ("sft", "dpo", "grpo")


def paragraphs() -> list[str]:
    chance = random.Random(0)
    words = ["".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randint(2, 10))) for _ in range(20_000)]
    return [" ".join(chance.choices(words, k=1000)) for _ in range(2000)]


PARAGRAPHS = paragraphs()


def document(number: int) -> Document:
    """A text of its own for each number."""
    chance = random.Random(number)
    text = f"Report {number}\n\n" + "\n\n".join(chance.choices(PARAGRAPHS, k=LENGTH // 7000))
    return Document(id=f"document {number}", hash=f"{number:016x}", text=text, title=f"Report {number}", licence="CC0-1.0")


def pairs(count: int) -> Iterator[Pair]:
    for number in range(count):
        turns = (
            Message(role="user", content=f"What does report {number} say about its third topic?"),
            Message(role="assistant", content=f"It says {number * 17} things about it, of which the first matters most.", train=True),
        )
        yield Pair(
            id=content_hash(number),
            index=number,
            paradigm="single_document",
            document_type="report",
            split="test" if number % 10 == 0 else "train",
            language="English",
            documents=(DocumentRef(id=f"document {number}", hash=f"{number:016x}", order=0, licence="CC0-1.0"),),
            turns=turns,
            checkers=(Checker(name="exact", args=f'{{"answer": "{number * 17}"}}'),),
            layout=number,
            path=(("task", "task/summarize"),),
            provenance=Provenance(prompts={"answer": "0" * 16}, engine="scripted", decoding={}, seed=0, graph="g"),
            n_tokens=TokenCounts(documents=LENGTH // 5, instruction=12, response=16),
            alternatives=(Alternative(content=f"It says {number} things.", made="no_document", matched=False),),
            pass_rate=0.5,
        )


def write(count: int, folder: Path) -> Written:
    return write_datasets(lambda: pairs(count), folder, ExportConfig(to=OBJECTIVES), document=lambda name: document(int(name, 16)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=4.0, help="JSON bytes of all rows together, in GB")
    parser.add_argument("--folder", type=Path, help="where to write [a temporary folder]")
    arguments = parser.parse_args()
    rows = int(arguments.gb * 1e9 / (LENGTH * 1.02))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        write(20, Path(place) / "warm")  # libraries are loaded before anything is measured
        print(f"before: {resident():.0f} MB resident, libraries loaded")
        for share in (8, 2, 1):
            folder = Path(place) / "out"
            count = max(1, rows // share // len(OBJECTIVES))
            written, spent = cost(lambda count=count, folder=folder: write(count, folder))
            files = [file for name in OBJECTIVES for file in shards_in(folder / name)]
            size = sum(file.stat().st_size for file in files)
            print(
                f"{rows / share * LENGTH * 1.02 / 1e9:6.2f} GB of rows ({sum(written.rows.values()):,}): adds {spent.memory:.0f} MB, "
                f"{resident():.0f} MB resident after; {spent.wall:.0f} s, {len(files)} shards of {max(file.stat().st_size for file in files) / 1e6:.0f} MB "
                f"at most, {size / 1e9:.2f} GB on disk",
                flush=True,
            )
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
