"""Plug-ins by name: ``name -> "module:attribute"``, built-ins and entry points alike, imported only when used.

A third-party package adds an implementation with an entry point in the group ``wildgraph.<kind>``::

    [project.entry-points."wildgraph.readers"]
    mylog = "my_package.reader:MyReader"
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from wildgraph.errors import UsageError

BUILT_IN: dict[str, dict[str, str]] = {
    "readers": {
        "wildchat": "wildgraph.readers.chats:WildChat",
        "lmsys": "wildgraph.readers.chats:Lmsys",
        "chatbot-arena": "wildgraph.readers.chats:ChatbotArena",
        "sharegpt": "wildgraph.readers.chats:ShareGPT",
        "openai-messages": "wildgraph.readers.chats:OpenAIMessages",
        "hh-rlhf": "wildgraph.readers.chats:HHRLHF",
        "oasst": "wildgraph.readers.oasst:OasstMessages",
        "oasst-tree": "wildgraph.readers.oasst:OasstTree",
        "alpaca": "wildgraph.readers.prompts:Alpaca",
        "self-instruct": "wildgraph.readers.prompts:SelfInstruct",
        "arena-hard": "wildgraph.readers.prompts:ArenaHard",
        "mt-bench": "wildgraph.readers.prompts:MTBench",
        "longbench-write": "wildgraph.readers.prompts:LongBenchWrite",
        "wildchat-hard": "wildgraph.readers.prompts:WildChatHard",
        "table": "wildgraph.readers.tables:Table",
        "text": "wildgraph.readers.tables:Text",
        "lines": "wildgraph.readers.tables:Lines",
    },
    "backends": {
        "openai": "wildgraph.backends.openai_compatible:OpenAICompatible",
        "openai-batch": "wildgraph.backends.openai_batch:OpenAIBatch",
        "openai-client": "wildgraph.backends.openai_client:OpenAIClient",
        "scripted": "wildgraph.backends.scripted:ScriptedModel",
    },
    "embedders": {
        "sentence": "wildgraph.embedders.sentence:SentenceEmbedder",
        "hashed": "wildgraph.embedders.hashed:HashedEmbedder",
    },
    "maskers": {
        "patterns": "wildgraph.masking:mask",
        "presidio": "wildgraph.maskers.presidio:mask_with_presidio",
    },
    "paradigms": {},
    "gates": {
        "length": "wildgraph.gates.length:LengthGate",
        "refusal": "wildgraph.gates.refusal:RefusalGate",
        "truncation": "wildgraph.gates.truncation:TruncationGate",
        "documents_used": "wildgraph.gates.documents_used:DocumentsUsedGate",
        "grounding": "wildgraph.gates.grounding:GroundingGate",
        "duplicates": "wildgraph.gates.duplicates:DuplicatesGate",
    },
    "checkers": {
        "all": "wildgraph.checkers.combined:All",
        "share": "wildgraph.checkers.combined:Share",
        "exact": "wildgraph.checkers.exact:Exact",
    },
    "exporters": {
        "sft": "wildgraph.exporters.sft:SFTExporter",
        "dpo": "wildgraph.exporters.dpo:DPOExporter",
        "grpo": "wildgraph.exporters.grpo:GRPOExporter",
        "sharegpt": "wildgraph.exporters.sharegpt:ShareGPTExporter",
        "alpaca": "wildgraph.exporters.alpaca:AlpacaExporter",
        "openai": "wildgraph.exporters.openai:OpenAIExporter",
    },
}

#: Built-ins that need what is not installed with the rest, and the extra that brings it.
EXTRAS = {("maskers", "presidio"): "presidio"}


@cache
def registered(kind: str) -> dict[str, str]:
    """Name -> ``module:attribute`` of every implementation of ``kind``, built-ins first, sorted within each group."""
    found = dict(BUILT_IN[kind])
    for point in sorted(entry_points(group=f"wildgraph.{kind}"), key=lambda point: point.name):
        found.setdefault(point.name, point.value)
    return found


def load(kind: str, name: str) -> object:
    """The implementation registered under ``name``; the caller narrows its type.

    Raises:
        UsageError: nothing has that name, or its module or attribute cannot be imported.
    """
    known = registered(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(
            f"no {kind.rstrip('s')} is called {name!r}",
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}",
        )
    module, _, attribute = known[name].partition(":")
    try:
        loaded: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        extra = EXTRAS.get((kind, name))
        raise UsageError(
            f"{kind.rstrip('s')} {name!r} cannot be loaded: {error}", f"pip install 'wildgraph[{extra}]'" if extra else ""
        ) from error
    return loaded
