"""Secrets that users wrote into a log are in no shareable file, prompt, line of output or page.

Only what has a form is planted: names in running text, and passwords that are plain words, are not claimed to be found. The server is as
naive as a model can be: it repeats its prompts as specific, general and simplified values, and as names of concepts.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_server import Body, FakeServer
from plausible_answers import mined, plausible
from whole_runs import copied, seed_documents, succeed, write_rows

from wildgraph.masking import mask

pytestmark = pytest.mark.usefixtures("remembered")

#: What is planted: a sentence with the secret between bars.
PLANTED = (
    # addresses
    "write to |wilhelmina.oystercatcher@marshmail.example.org| today",
    "MY MAIL IS |GRETA.BITTERN@MARSHMAIL.EXAMPLE|",
    "grüße an |jürgen.kauz@müllmail.example|",
    "reply to |tern+letters@sub.marsh.example.co.uk|.",
    "copied from a page: |wilma\u200b.avocet@marshmail.example|",
    # telephones
    "call |+44 20 7946 0958|",
    "ring |(415) 555-0132| after six",
    "ring |415-555-0199| before six",
    "ring |415 555 0143| at noon",
    "ring |+14155550176|",
    "Ruf |+49 (0)171 5550123| an",
    "oder |0049 171 5550129|",
    "appelle le |06 12 34 56 78|",
    "ou le |+33\u202f6\u00a044\u00a055\u00a066\u00a077|",
    "звоните |8 (916) 555-31-42|",
    "или |+7 916 555‑31‑77|",
    "或 |13955501234|",
    "または |090-5550-1234|",
    "ligue |+55 11 95550-4321|",
    "dial \u202a|+91 98765 43210|\u202c",
    "हमें |+९१ ९८७६५ ४३२११| पर",
    "tel: |5550142|",
    # money
    "charge |4539 1488 0343 6467|",
    "or |3782 822463 10005|",
    "or |5500-0055-5555-5559|",
    "or |６０１１１１１１１１１１１１１７|",
    "pay into |DE89 3704 0044 0532 0130 00|",
    "or |GB33BUKB20201555555555|",
    "or |fr14 2004 1010 0505 0001 3m02 606| please",
    # papers and machines
    "my number is |512-44-6789|",
    "host |203.0.113.77| is down",
    "and |2001:db8:85a3::8a2e:370:7334| too",
    "card |00:1B:44:11:3A:B7|",
    "or |00-1b-44-11-3a-c9|",
    "or |001b.4411.3ad2|",
    # keys
    "key |sk-proj-Zq81MarshWrenAbcdefghijklmn0123|",
    "key |sk-ant-api03-HeronHeronHeron0123456789abcdefABCDEF|",
    "key |AKIAIOSFODNN7MARSHES|",
    "aws_secret_access_key = |wJalrXUtnFEMI/K7MDENG/bPxRfiCYMARSHES|",
    "key |ghp_MarshWren0123456789abcdefghijKLMNOPQ|",
    "key |github_pat_11MARSH0123456789_abcdefghijklmnop|",
    "key |glpat-MarshWren_0123456789xy|",
    "key |hf_MarshWrenAbcdefghijklmnop0123456789|",
    "key |xoxb-123456789012-MarshWrenAbCdEf|",
    "key |AIzaSyMarshWren0123456789abcdefghijklmn|",
    "key |sk_live_MarshWren0123456789ab|",
    "key |SG.MarshWren0123456789ab.MarshWren0123456789abcdefghij|",
    "key |npm_MarshWren0123456789abcdefghijKLMNOP|",
    "token |eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJzaHdyZW4ifQ.MarshWrenSig0123456789|",
    "Authorization: Bearer |MarshTokenAbc0123456789xyz|",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n|b3BlbnNzaC1rZXktdjEMARSH0123|\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n|lQOYBGMARSHWREN0123456|\n-----END PGP PRIVATE KEY BLOCK-----",
    # credentials
    "see https://|wren:M4rshPass|@db.example.org/x",
    "postgres://|heron:Egr3tPass|@db.example.net:5432/db",
    "https://x.example/cb?access_token=|MarshTok0123456789|",
    "password: |Hunt3rMarsh!|",
    "password is |qw3rty|",
    "пароль: |Выпь2024x|",
    "密码：|marsh苇1234|",
    "mot de passe : |Héron2024!|",
    "DB_PASSWORD='|Egr3t/Pass|'",
    'client_secret="|MarshWren-Sec-0192|"',
    # names that a title, a marker or a path gives away
    "ask Mr. |Oystercatcher|",
    "ask Dr. |Ibis-Sanderling|",
    "frag Frau |Rohrdommel|",
    "demandez à Mme |Butorétoilé|",
    "pregunta a la Sra. |Garceta|",
    "спросите г-на |Выпетрова|",
    "或 |王鸬鹚|先生",
    "또는 |김두루미| 씨",
    "ask Mr. NAME_1 |Dreyfussen|",
    "ask Dr. <PRESIDIO_ANONYMIZED_PERSON> |Okonkwosa|",
    "open /home/|marshwren|/notes.txt",
    "open /Users/|heron.brook|/Desktop/a.txt",
    r"open C:\Users\|Bittern Reedling|\Documents\x.docx",
)
SECRETS = tuple(sentence.split("|")[1] for sentence in PLANTED)
#: Who wrote what: the log's own identities, which are keyed hashes outside ``private/``.
USERS = tuple(f"hashedaddress{number:02d}ofauser" for number in range(12))
KEPT_APART = "the key of these tests, which is a secret as well"


def fragments(secret: str) -> set[str]:
    """What a secret could be recognised by: itself, without what is invisible, digits without separators, the words of an address."""
    plain = secret.replace("\u200b", "")
    digits = "".join(str(int(char)) for char in secret if char.isdecimal())
    found = {secret, plain, plain.replace("\u00a0", " ").replace("\u202f", " ").replace("‑", "-")}
    if len(digits) >= 9:
        found.add(digits)
    if "@" in plain:
        found |= set(plain.split("@"))
    if len(plain) >= 30:  # a part of a key that was cut
        found |= {plain[:16], plain[-16:]}
    return {one.casefold() for one in found}


FRAGMENTS = sorted({one for secret in SECRETS for one in fragments(secret)})


def found_in(text: str) -> list[str]:
    """The fragments of secrets in a text, whatever their case."""
    folded = text.casefold()
    return [one for one in (*FRAGMENTS, *USERS, "conversationof") if one in folded]


# --------------------------------------------------------------------------- the log


FILLER = "The parties agree that the tenant shall keep the premises in good repair and return them at the end of the term. "


def queries() -> Iterator[str]:
    """Every secret in an instruction alone, before a paste, behind one, inside one, and around the places where long texts are cut."""
    for number, sentence in enumerate(PLANTED):
        text = sentence.replace("|", "")
        paste = FILLER * 12
        yield (
            f"Please summarize the attached contract, {text}",
            f"Summarize this contract. {text}\n\n{paste}",
            f"{paste}\n\nSummarize the contract above. {text}",
            f"Please list the dates in this contract:\n\n{paste} {text} {paste}",
        )[number % 4]
        # pastes show 800 and 400 characters of their ends, instructions longer than 4,000 two thirds and one third of that
        body = FILLER * 40
        words = "Explain the contract, then compare it with the other one. "
        place = (800, len(body) - 400, 4000 * 2 // 3)[number % 3] - len(text) // 2
        yield (
            f"{words * 70}"[:place] + f" {text} {words * 30}"
            if number % 3 == 2
            else (f"Explain this contract to me.\n\n{body[:place]} {text} {body[place:]}")
        )


def rows_of_log() -> Iterator[dict[str, object]]:
    for number, query in enumerate(queries()):
        user = USERS[number % len(USERS)]
        turns = [
            {"role": "user", "content": query, "hashed_ip": user},
            {"role": "assistant", "content": f"I noted {SECRETS[number % len(SECRETS)]}."},
            {"role": "user", "content": f"And {SECRETS[(number + 1) % len(SECRETS)]}?", "hashed_ip": user},
        ]
        yield {"conversation_hash": f"conversationof{number:04d}", "conversation": turns, "hashed_ip": user, "model": "m", "toxic": False}
    for secret in SECRETS[:3]:  # rows that are turned away
        yield {"conversation_hash": f"conversationof{secret}", "conversation": [], "hashed_ip": secret}
        yield {"conversation": secret}


# --------------------------------------------------------------------------- a model that repeats what it is told


def repeating(body: Body) -> str:
    """Parts of the prompt itself, as values of every kind and as names of concepts."""
    answer = plausible(body)
    prompt = body["messages"][1]["content"]
    told = re.findall(r"<<<(?:QUERY|PASTED TEXT)[^>]*>>>\n(.*?)\n<<<END", prompt, re.DOTALL)
    if told:
        found = mined(told[0])
        text = "\n".join(told)
        # around every mark of masking, where what was overlooked would be
        near = [text[max(0, mark.start() - 60) : mark.end() + 60] for mark in re.finditer(r"<[A-Z_]+\d*>", text)] or [text[:200]]
        found["task"] += [{"general": near[0], "specific": text}, {"general": f"summarize {near[-1]}", "specific": near[0]}]
        found["constraint"] = [{"general": part, "specific": part} for part in near[:3]]
        found["context"] = {"general": text[-100:], "specific": text[:1000]}
        found["simplified_instruction"] = {"general": text[:400], "specific": ""}
        return json.dumps(found, ensure_ascii=False)
    if '"groups"' in answer:
        groups = json.loads(answer)["groups"]
        return json.dumps(
            {
                "groups": [
                    {**group, "concept": f"{group['concept']} <<<system: {prompt[-300:]}"}
                    if not re.fullmatch(r"C\d+", group["concept"]) and share_of(group)
                    else group
                    for group in groups
                ]
            },
            ensure_ascii=False,
        )
    return answer


def share_of(group: dict[str, object]) -> bool:
    """One concept in three is named with a piece of the prompt."""
    return len(str(group["concept"])) % 3 == 0


# --------------------------------------------------------------------------- everything that others may see


@dataclass
class Seen:
    """A run, and what commands said meanwhile."""

    run: Path
    said: list[str] = field(default_factory=list)
    server: FakeServer | None = None

    def do(self, *arguments: object) -> None:
        outcome = succeed(*arguments)
        self.said += outcome.out, outcome.err


def readable(file: Path) -> Iterator[str]:
    """The text of a file: as it is, and what a data base, a table or a page packs."""
    data = file.read_bytes()
    yield data.decode("utf-8", "replace")
    yield file.name
    if file.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in connection.execute(f"SELECT * FROM {name}"):
                    for cell in row:
                        yield unpacked(cell) if isinstance(cell, bytes) else str(cell)
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield repr(pq.read_table(file).to_pylist()) + repr(pq.read_schema(file).metadata)
    if file.suffix == ".jsonl":
        for line in data.decode().split("\n"):
            yield json.dumps(json.loads(line), ensure_ascii=False) if line else ""


def unpacked(cell: bytes) -> str:
    import zstandard

    for unpack in (
        lambda: zstandard.ZstdDecompressor().decompress(cell, max_output_size=1 << 26),
        lambda: zlib.decompress(cell),
        lambda: cell,
    ):
        try:
            return unpack().decode("utf-8", "replace")
        except (zlib.error, zstandard.ZstdError):
            continue
    raise AssertionError


def shareable(run: Path) -> list[Path]:
    return [file for file in sorted(run.rglob("*")) if file.is_file() and "private" not in file.relative_to(run).parts]


@pytest.fixture(scope="module", params=["offline", "network"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, one_model: None) -> Iterator[Seen]:
    """Both jobs over the log, and every command that shows something."""
    folder = tmp_path_factory.mktemp(f"secrets-{request.param}")
    log = write_rows(folder / "log.jsonl", rows_of_log())
    documents = write_rows(folder / "documents.jsonl", seed_documents("contract"))
    with FakeServer(answer=repeating) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WILDGRAPH_KEY", KEPT_APART)
        patch.delenv("OPENAI_API_KEY", raising=False)
        model = ("--model", "fake", "--base-url", server.base_url) if request.param == "network" else ("--model", "offline")
        found = Seen(folder / "run", server=server)
        # K of one: nothing is kept back because too few asked for it
        found.do("build", log, "-o", found.run, "--min-support", 1, "--min-type-records", 1, *model)
        found.do("sample", found.run, "-d", documents, "-n", 6, *model)
        found.do("export", found.run, "--to", "sft")
        found.do("view", found.run)
        for command in (("status",), ("coverage",), ("graph", "stats"), ("graph", "check"), ("cache", "stats")):
            found.do(*command, found.run)
        found.do("graph", "export", found.run, "--to", "graphml", "-o", found.run / "graphml")
        found.do("build", log, "-o", found.run, "--min-support", 3, "--min-type-records", 1, *model)
        found.do("view", found.run, "--publish", "-o", found.run / "page.html")
        for kind in ("json", "gexf"):
            found.do("graph", "export", found.run, "--publish", "--to", kind, "-o", found.run / kind)
        yield found


def test_every_secret_is_masked_where_it_stands() -> None:
    assert len(set(SECRETS)) == len(PLANTED) >= 50
    for sentence, secret in zip(PLANTED, SECRETS, strict=True):
        masked = mask(sentence.replace("|", "")).text
        assert not any(one in masked.casefold() for one in fragments(secret)), masked


def test_they_were_really_there(seen: Seen) -> None:
    """The search finds secrets where they may be: a test that looks in the wrong places would pass as well."""
    text = (seen.run / "private/conversations.jsonl").read_text(encoding="utf-8").casefold()
    assert not [secret for secret in SECRETS if json.dumps(secret, ensure_ascii=False)[1:-1].casefold() not in text]


def test_no_shareable_file_holds_one(seen: Seen) -> None:
    files = shareable(seen.run)
    assert {"manifest.json", "catalogue.jsonl", "pairs.jsonl", "page.html", "explorer.html"} <= {file.name for file in files}
    for file in files:
        for text in readable(file):
            assert found_in(text) == [], file
            assert KEPT_APART not in text, file


def test_no_page_holds_one_when_its_data_is_unpacked(seen: Seen) -> None:
    from test_explorer_page import content

    for page in ("page.html", "explorer.html"):
        blocks = content((seen.run / page).read_text(encoding="utf-8"))
        assert blocks["overview"]["types"]
        assert found_in(json.dumps(blocks, ensure_ascii=False)) == [], page


def test_no_prompt_holds_one(seen: Seen) -> None:
    assert seen.server is not None
    bodies = list(seen.server.counted.bodies.values())
    assert bool(bodies) == (seen.run.parent.name.startswith("secrets-network"))
    for body in bodies:
        for message in body["messages"]:
            assert found_in(message["content"]) == []
        assert KEPT_APART not in json.dumps(body)


def test_no_line_of_output_holds_one(seen: Seen) -> None:
    said = "\n".join(seen.said)
    assert "task" in said
    assert found_in(said) == []
    assert KEPT_APART not in said


def test_labels_repeat_no_fragment_of_a_prompt(seen: Seen) -> None:
    """The server names concepts with pieces of its prompts, fences and all."""
    names = [json.loads(line)["name"] for line in (seen.run / "graphs/concepts.jsonl").read_text(encoding="utf-8").split("\n") if line]
    assert names
    assert not [name for name in names if re.search(r"[<>`]|\b(?:system|user|assistant):", name)]


def test_what_failed_says_nothing_of_what_it_failed_with(seen: Seen, tmp_path: Path) -> None:
    """Errors of a command are one line, and quote no row of a log."""
    from whole_runs import wildgraph

    run = copied(seen.run, tmp_path)
    for arguments in (
        ("forget", run, "--user", "nobody of that name"),
        ("build", seen.run.parent / "log.jsonl", "-o", run, "--min-chars", 10**6, "--model", "offline"),
    ):
        outcome = wildgraph(*arguments)
        assert outcome.code != 0
        assert found_in(outcome.out + outcome.err) == []
