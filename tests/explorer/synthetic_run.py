"""A made-up run with the shape of a real one: document types, themes within them, labels that belong to themes, rows with evidence.

Nothing here is anyone's text. Everything is a function of a seed.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

from wildgraph.explorer.page import FunnelStage, PageData
from wildgraph.explorer.picture import chip_nodes
from wildgraph.records import (
    Alternative,
    Checker,
    DocumentRef,
    Evidence,
    Message,
    Pair,
    Provenance,
    TokenCounts,
    Twin,
    Verdict,
    content_hash,
)
from wildgraph.taskgraph import GraphEdge, GraphNode, TaskGraph

COMMON = {
    "sentiment": ["neutral", "worried", "curious", "pressed for time"],
    "language_style": ["short and plain", "formal and complete", "casual", "careless spelling"],
    "user_knowledge": ["knows the subject well", "knows the basics", "new to the subject"],
}

TYPES: dict[str, dict[str, dict[str, list[str]]]] = {
    "commercial contract": {
        "review": {
            "task": [
                "summarize the whole document",
                "highlight clauses on a given topic",
                "list the duties of one party",
                "spot unusual clauses",
            ],
            "intent": ["decide whether to sign", "prepare a negotiation", "check compliance"],
            "user_profile": ["lawyer", "paralegal", "small business owner", "procurement officer"],
            "context": ["before signing", "renewal of an agreement"],
            "output_format": ["bullet list", "table with one row per clause", "verbatim excerpts from the document"],
            "constraint": ["quote the clause number", "only clauses of one named category", "plain language without legal terms"],
            "assistant_knowledge": ["contract law", "standard commercial terms"],
            "long_context_capability": ["find every mention", "follow cross-references"],
        },
        "dates and money": {
            "task": [
                "extract dates and deadlines",
                "calculate a total from the document",
                "list items stated in the document",
                "explain a payment term",
            ],
            "intent": ["plan a budget", "avoid missing a deadline"],
            "user_profile": ["accountant", "project manager", "finance analyst"],
            "context": ["quarterly planning", "an invoice is disputed"],
            "output_format": ["timeline", "numeric answer with short working", "spreadsheet rows"],
            "constraint": ["use ISO dates", "show the calculation", "use the currency of the document"],
            "assistant_knowledge": ["accounting basics", "notice periods"],
            "long_context_capability": ["collect scattered figures", "aggregate over sections"],
        },
        "change": {
            "task": ["rewrite a clause", "draft a reply to the other party", "compare two versions", "translate a section"],
            "intent": ["lower a risk", "reach an agreement"],
            "user_profile": ["in-house counsel", "landlord", "freelancer"],
            "context": ["a dispute has begun", "the other side sent changes"],
            "output_format": ["side-by-side table", "formal letter", "rewritten text of several paragraphs"],
            "constraint": ["keep the meaning", "at most 200 words", "polite tone"],
            "assistant_knowledge": ["negotiation practice", "drafting conventions"],
            "long_context_capability": ["compare distant passages", "keep terms consistent"],
        },
    },
    "research paper": {
        "understand": {
            "task": ["summarize the whole document", "explain a concept", "state the main finding", "explain a figure or table"],
            "intent": ["understand the paper", "prepare a journal club"],
            "user_profile": ["graduate student", "nlp researcher", "science journalist"],
            "context": ["reading list of a course", "first look at a field"],
            "output_format": ["one-paragraph summary", "questions and answers", "slide outline"],
            "constraint": ["for a lay reader", "no formulas", "at most three sentences"],
            "assistant_knowledge": ["statistics", "machine learning"],
            "long_context_capability": ["condense a long text", "relate text and tables"],
        },
        "assess": {
            "task": ["write a peer review", "list limitations", "check claims against results", "compare two methods"],
            "intent": ["judge the evidence", "choose a method"],
            "user_profile": ["reviewer", "principal investigator", "policy analyst"],
            "context": ["conference deadline", "replication study"],
            "output_format": ["numbered list", "review with strengths and weaknesses", "comparison table"],
            "constraint": ["cite the section", "be critical but fair", "name the data sets"],
            "assistant_knowledge": ["experimental design", "related work"],
            "long_context_capability": ["check consistency", "compare distant passages"],
        },
        "reuse": {
            "task": ["extract hyperparameters", "write code from a method section", "list datasets and metrics"],
            "intent": ["reproduce a result", "build on earlier work"],
            "user_profile": ["machine learning engineer", "software developer"],
            "context": ["the code is not released"],
            "output_format": ["python code", "json object", "markdown table"],
            "constraint": ["only what the paper states", "mark missing values"],
            "assistant_knowledge": ["pytorch", "data processing"],
            "long_context_capability": ["collect scattered figures", "find every mention"],
        },
    },
    "meeting transcript": {
        "minutes": {
            "task": ["write minutes", "list decisions and action items", "summarize one topic or section", "say who is responsible"],
            "intent": ["inform those who were absent", "follow up on tasks"],
            "user_profile": ["project manager", "secretary", "team lead"],
            "context": ["weekly team meeting", "meeting was missed"],
            "output_format": ["bullet list", "table of actions", "short email"],
            "constraint": ["names of the people responsible", "at most one page", "group by topic"],
            "assistant_knowledge": ["meeting practice"],
            "long_context_capability": ["follow a discussion", "condense a long text"],
        },
        "positions": {
            "task": ["report one participant's view", "list arguments for and against", "find a quotation", "trace how an opinion changed"],
            "intent": ["prepare a statement", "understand a conflict"],
            "user_profile": ["product designer", "committee member", "reporter"],
            "context": ["parliamentary committee", "design review"],
            "output_format": ["one to three sentences", "verbatim excerpts from the document", "timeline"],
            "constraint": ["quote the speaker", "neutral wording", "only one named speaker"],
            "assistant_knowledge": ["politics", "user interfaces"],
            "long_context_capability": ["track speakers", "find every mention"],
        },
    },
    "source code": {
        "repair": {
            "task": ["debug code", "explain an error message", "add or change a feature", "write unit tests"],
            "intent": ["make a program work", "understand a code base"],
            "user_profile": ["software developer", "beginner programmer", "data scientist"],
            "context": ["the build fails", "a deadline is near"],
            "output_format": ["corrected code with explanation", "unified diff", "python code"],
            "constraint": ["keep the public interface", "no new dependencies", "use a given language version"],
            "assistant_knowledge": ["python", "debugging"],
            "long_context_capability": ["follow calls across files", "find every mention"],
        },
        "document": {
            "task": ["write documentation", "explain code line by line", "draw the architecture", "translate code to another language"],
            "intent": ["hand over a project", "learn a technique"],
            "user_profile": ["student", "technical writer", "team lead"],
            "context": ["a colleague leaves", "university course"],
            "output_format": ["markdown document", "comments in the code", "numbered steps"],
            "constraint": ["google style docstrings", "for beginners", "with an example each"],
            "assistant_knowledge": ["software architecture", "typescript"],
            "long_context_capability": ["keep terms consistent", "aggregate over sections"],
        },
    },
}

SMALL_TYPES = [
    "government report",
    "patent",
    "field manual",
    "news article",
    "encyclopedia article",
    "novel chapter",
    "project proposal",
    "technical manual",
]

SENTENCES = [
    "The supplier shall deliver the first batch no later than 1 March 2024 to the address named in annex two.",
    "Either party may end this agreement with ninety days' written notice to the other.",
    "Figures for the second quarter were revised after the audit 🔎 and are now lower by four per cent.",
    "The committee agreed that the matter needed a further hearing before any vote could be taken.",
    "In our experiments the smaller model was within one point of the larger one on every task but two.",
    "Maintenance of the pumps is due every four hundred hours of operation, or once a year.",
    "She asked whether the proposal covered the northern districts as well, and nobody could say.",
    "Prices are stated in euros, without value added tax, and hold until the end of the year.",
]


def _labels(kind: str, rng: random.Random) -> tuple[list[tuple[str, str]], ...]:
    """Themes of a type as lists of (field, name)."""
    if kind in TYPES:
        return tuple([(field, name) for field, names in theme.items() for name in names] for theme in TYPES[kind].values())
    donors = [theme for themes in TYPES.values() for theme in themes.values()]
    return tuple([(field, name) for field, names in theme.items() for name in names[:3]] for theme in rng.sample(donors, 2))


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def make_graph(kind: str, records: int = 220, min_support: int = 3, seed: int = 0) -> TaskGraph:
    """A graph counted from made-up records."""
    rng = random.Random(f"{kind}/{seed}")
    themes = _labels(kind, rng)
    nodes: Counter[tuple[str, str]] = Counter()
    edges: Counter[tuple[tuple[str, str], tuple[str, str]]] = Counter()
    for _ in range(records):
        theme = rng.choices(themes, weights=range(len(themes) + 1, 1, -1))[0]
        held: set[tuple[str, str]] = set()
        for field in dict(theme):
            if rng.random() < 0.72:
                pool = theme if rng.random() < 0.86 else rng.choice(themes)
                names = [name for other, name in pool if other == field]
                if names:
                    held.add((field, rng.choices(names, weights=[1 / (1 + place) for place in range(len(names))])[0]))
        for field, names in COMMON.items():
            held.add((field, rng.choices(names, weights=[8, 3, 2, 1][: len(names)])[0]))
        nodes.update(held)
        edges.update(combinations(sorted(held), 2))
    kept = sorted((field, f"{field}/{slug(name)}", name, count) for (field, name), count in nodes.items() if count >= min_support)
    place = {(field, name): index for index, (field, _, name, _) in enumerate(kept)}
    links = []
    for (left, right), count in edges.items():
        if count >= min_support and left in place and right in place:
            source, target = sorted((place[left], place[right]))
            links.append(GraphEdge(source=source, target=target, frequency=count, users=max(min_support, count - count // 9)))
    return TaskGraph(
        document_type=f"document_type/{slug(kind)}",
        name=kind,
        records=records,
        users=records - records // 10,
        min_support=min_support,
        nodes=tuple(
            GraphNode(field=field, concept=concept, name=name, support=max(min_support, count - count // 9), records=count)
            for field, concept, name, count in kept
        ),
        edges=tuple(sorted(links, key=lambda edge: (edge.source, edge.target))),
    )


def make_documents(kind: str, count: int, seed: int = 0) -> dict[str, str]:
    rng = random.Random(f"documents/{kind}/{seed}")
    return {
        f"{slug(kind)}-{number:03d}": " ".join(f"{rng.choice(SENTENCES)}" + ("\n\n" if rng.random() < 0.2 else "") for _ in range(90))
        for number in range(count)
    }


def _walk(graph: TaskGraph, rng: random.Random) -> list[int]:
    matrix = graph.adjacency
    attributes = set(chip_nodes(graph))
    tasks = [index for index, node in enumerate(graph.nodes) if node.field == "task"]
    path = [rng.choices(tasks, weights=[graph.nodes[index].records for index in tasks])[0]]
    length = rng.randint(5, 8)
    while len(path) < length:
        weights = [
            0.0
            if node in path or node in attributes or graph.nodes[node].field in {graph.nodes[step].field for step in path[1:]}
            else float(matrix[path[-1], node])
            for node in range(len(graph.nodes))
        ]
        if not sum(weights):
            break
        path.append(rng.choices(range(len(graph.nodes)), weights=weights)[0])
    return path


def make_pairs(graph: TaskGraph, documents: dict[str, str], count: int, seed: int = 0, rejected: float = 0.2) -> list[Pair]:
    rng = random.Random(f"pairs/{graph.document_type}/{seed}")
    names = sorted(documents)
    pairs = []
    for index in range(count):
        path = _walk(graph, rng)
        chips = chip_nodes(graph)
        attributes = [graph.nodes[rng.choice(chips)]] if chips else []
        refs = rng.sample(names, rng.choice([1, 1, 1, 2, 3]))
        spans = []
        for name in refs:
            for _ in range(rng.randint(1, 3)):
                sentence = rng.choice(SENTENCES)
                start = documents[name].find(sentence, rng.randint(0, 4000))
                if start >= 0:
                    spans.append(Evidence(document_id=name, start=start, end=start + len(sentence), text=sentence))
        task = graph.nodes[path[0]].name
        wishes = ", ".join(f"{graph.nodes[node].field.replace('_', ' ')}: {graph.nodes[node].name}" for node in path[1:4])
        instruction = f"Please {task}. I need it for the following reason — {wishes}. Use only what the {graph.name} says."
        response = "\n".join(f"- {span.text}" for span in spans) or "The document does not say."
        failed = rng.random() < rejected * (1.6 if index % 3 == 0 else 0.7)
        verdicts = (
            Verdict(gate="grounding", status="pass"),
            Verdict(
                gate="duplicates",
                status="fail" if failed else "pass",
                reason="near_duplicate" if failed else "",
                detail="0.93 to an earlier row" if failed else "",
            ),
            Verdict(gate="judge", status="not_evaluated", reason="no judge model is configured"),
        )
        tokens = sum(len(documents[name]) // 4 for name in refs)
        pairs.append(
            Pair(
                id=content_hash(graph.document_type, index, seed),
                index=index,
                paradigm="single-document" if len(refs) == 1 else rng.choice(["comparison", "aggregation"]),
                document_type=graph.document_type,
                split="test" if index % 10 == 0 else "train",
                language="en",
                documents=tuple(
                    DocumentRef(id=name, hash=content_hash(documents[name]), order=place, licence="CC-BY-4.0")
                    for place, name in enumerate(refs)
                ),
                turns=(
                    Message(role="user", content=instruction),
                    Message(role="assistant", content=response, train=True, evidence=tuple(spans)),
                ),
                path=tuple((graph.nodes[node].field, graph.nodes[node].concept) for node in path),
                attributes=tuple((node.field, node.concept) for node in attributes),
                verdicts=verdicts,
                provenance=Provenance(
                    prompts={"paradigms/single": "0f3a"},
                    engine="offline/1",
                    decoding={"temperature": 0.7},
                    seed=7,
                    graph=graph.fingerprint,
                    version="0.1.0",
                ),
                n_tokens=TokenCounts(
                    documents=tokens * rng.choice([1, 2, 5, 12]), instruction=len(instruction) // 4, response=len(response) // 4
                ),
            )
        )
    return pairs


def make_rich_pair(graph: TaskGraph, documents: dict[str, str]) -> Pair:
    """A pair with all that one can have: several turns and documents, roles, evidence behind emoji, checkers, verdicts, worse answers."""
    (plain,) = make_pairs(graph, documents, 1)
    first, second, third = sorted(documents)[:3]

    def quote(name: str, number: int) -> Evidence:
        sentence = next(text for text in SENTENCES[number:] + SENTENCES if text in documents[name])
        start = documents[name].index(sentence)
        return Evidence(document_id=name, start=start, end=start + len(sentence), text=sentence)

    return plain.model_copy(
        update={
            "id": "rich",
            "index": 10_000,
            "paradigm": "dialogue",
            "documents": tuple(
                DocumentRef(id=name, hash=content_hash(documents[name]), order=place, licence="CC0-1.0", role=role)
                for place, (name, role) in enumerate([(first, "required"), (second, "supporting"), (third, "distractor")])
            ),
            "turns": (
                Message(role="system", content="Answer from the documents."),
                Message(role="user", content="What does the first one say?"),
                Message(role="assistant", content="The first answer.", evidence=(quote(first, 0), quote(first, 3))),
                Message(role="user", content="And the second?"),
                Message(role="assistant", content="The last answer.", train=True, evidence=(quote(first, 1), quote(second, 2))),
            ),
            "answer": "forty-two",
            "checkers": (Checker(name="exact", args='{"answer":"forty-two"}'), Checker(name="citation")),
            "pass_rate": 0.25,
            "bucket": 8192,
            "twin": Twin(id="abc123", document_id="d", hash="0", answer="no", evidence=(quote(first, 0),)),
            "verdicts": (
                Verdict(gate="grounding", status="pass"),
                Verdict(gate="figures", status="fail", reason="unknown_number", detail="42 is in no document"),
                Verdict(gate="judge", status="not_evaluated", reason="no judge"),
            ),
            "alternatives": (
                Alternative(
                    content="A wrong answer.", made="wrong_document", matched=True, margin=1.5, engine="judge/1", detail="another one"
                ),
                Alternative(content="Forty-three.", made="constraint_broken", matched=False),
            ),
        }
    )


def make_run(seed: int = 0, publish: bool = False) -> PageData:
    """A whole run: twelve types of very different size."""
    rng = random.Random(seed)
    graphs = [make_graph(kind, records=rng.choice([180, 260, 340]), seed=seed) for kind in TYPES]
    graphs += [make_graph(kind, records=rng.choice([18, 26, 40, 70]), seed=seed) for kind in SMALL_TYPES]
    graphs.sort(key=lambda graph: graph.document_type)
    documents: dict[str, str] = {}
    pairs: list[Pair] = []
    for graph in graphs:
        own = make_documents(graph.name, 4, seed)
        documents |= own
        pairs += make_pairs(graph, own, 60 if graph.name in TYPES else 8, seed)
    accepted = sum(all(verdict.status != "fail" for verdict in pair.verdicts) for pair in pairs)
    records = sum(graph.records for graph in graphs)
    funnel = [
        FunnelStage(
            "ingest",
            records + 1400,
            records + 460,
            {"filtered": {"language_filter": 310, "toxic": 24, "multi_turn": 571}, "failed": {"broken_json": 3, "no_user_turn": 32}},
        ),
        FunnelStage("mine", records + 460, records + 431, {"failed": {"invalid_answer": 17, "truncated_answer": 9, "refused": 3}}),
        FunnelStage("canonicalize", records + 431, records + 431, {}),
        FunnelStage("graph", records + 431, records, {"filtered": {"no_document": 380, "rare_document_type": 39, "no_labels": 12}}),
        FunnelStage("walk", 420, 412, {"failed": {"dead_end": 8}}),
        FunnelStage("pair", 412, len(pairs) + 6, {"failed": {"no_matching_document": 412 - len(pairs) - 6}}),
        FunnelStage("adapt", len(pairs) + 6, len(pairs), {"failed": {"timeout": 4, "content_filter": 2}}),
        FunnelStage("gate", len(pairs), accepted, {"gated": {"near_duplicate": len(pairs) - accepted}}),
    ]
    about = {
        "engine": "offline/1 (all-MiniLM-L6-v2)",
        "minimum support": "3",
        "seed": "7",
        "temperature": "1.0",
        "wildgraph": "0.1.0",
        "sources": "queries.parquet, document_questions.parquet",
    }
    return PageData(title="demo run", graphs=graphs, funnel=funnel, pairs=pairs, documents=documents, about=about, publish=publish)


def make_big_graph(nodes: int = 5000, edges: int = 50_000, seed: int = 0) -> TaskGraph:
    """A graph of the size the budgets are stated for: planted groups, hubs, long tail."""
    rng = random.Random(seed)
    fields = ["task", "intent", "output_format", "constraint", "user_profile", "context"]
    group = [rng.randrange(40) for _ in range(nodes)]
    records = [int(3 + 600 / (1 + place % 997)) for place in range(nodes)]
    wanted: dict[tuple[int, int], int] = {}
    by_group = [[node for node in range(nodes) if group[node] == number] for number in range(40)]
    while len(wanted) < edges:
        left = rng.randrange(nodes)
        right = rng.choice(by_group[group[left]]) if rng.random() < 0.8 else rng.randrange(nodes)
        if left != right:
            wanted.setdefault((min(left, right), max(left, right)), min(records[left], records[right], rng.randint(1, 9)))
    return TaskGraph(
        document_type="document_type/big",
        name="big",
        records=20_000,
        users=15_000,
        min_support=1,
        nodes=tuple(
            GraphNode(
                field=field, concept=f"{field}/label-{number:05d}", name=f"{field.replace('_', ' ')} {number}", support=count, records=count
            )
            for number, (field, count) in enumerate(zip(sorted(rng.choices(fields, k=nodes)), records, strict=True))
        ),
        edges=tuple(GraphEdge(source=left, target=right, frequency=count, users=count) for (left, right), count in sorted(wanted.items())),
    )
