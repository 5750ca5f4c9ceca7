"""Plug-ins by name: ``name -> "module:attribute"``, built-ins and entry points alike, imported only when used.

A third-party package adds an implementation with an entry point in the group ``wildgraph.<kind>``::

    [project.entry-points."wildgraph.readers"]
    mylog = "my_package.reader:MyReader"
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from itertools import chain
from traceback import walk_tb

from wildgraph.errors import UsageError, did_you_mean

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
    "backends": {},  # what answers without one is named by model.name: the embedded engine, or a server that speaks OpenAI's protocol
    "embedders": {
        "sentence": "wildgraph.embedders.sentence:SentenceEmbedder",
        "hashed": "wildgraph.embedders.hashed:HashedEmbedder",
    },
    "maskers": {
        "patterns": "wildgraph.masking:mask",
        "presidio": "wildgraph.maskers.presidio:mask_with_presidio",
    },
    "paradigms": {
        "single_document": "wildgraph.paradigms.single_document:SINGLE_DOCUMENT",
        "comparison": "wildgraph.paradigms.comparison:COMPARISON",
        "aggregation": "wildgraph.paradigms.aggregation:AGGREGATION",
        "conflict": "wildgraph.paradigms.conflict:CONFLICT",
        "timeline": "wildgraph.paradigms.timeline:TIMELINE",
        "synthesis": "wildgraph.paradigms.synthesis:SYNTHESIS",
        "choose_document": "wildgraph.paradigms.choose_document:CHOOSE_DOCUMENT",
        "dialogue": "wildgraph.paradigms.dialogue:DIALOGUE",
        "verifiable": "wildgraph.paradigms.verifiable:VERIFIABLE",
        "reasoning": "wildgraph.paradigms.reasoning:REASONING",
        "unanswerable": "wildgraph.paradigms.unanswerable:UNANSWERABLE",
    },
    "gates": {
        "length": "wildgraph.gates.length:LengthGate",
        "instruction_echo": "wildgraph.gates.instruction_echo:InstructionEchoGate",
        "refusal": "wildgraph.gates.refusal:RefusalGate",
        "declines": "wildgraph.gates.declines:DeclinesGate",
        "truncation": "wildgraph.gates.truncation:TruncationGate",
        "language": "wildgraph.gates.language:LanguageGate",
        "personal_data": "wildgraph.gates.personal_data:PersonalDataGate",
        "citation": "wildgraph.gates.citation:CitationGate",
        "follows_path": "wildgraph.gates.follows_path:FollowsPathGate",
        "documents_used": "wildgraph.gates.documents_used:DocumentsUsedGate",
        "answer_given": "wildgraph.gates.answer_given:AnswerGivenGate",
        "evidence_positions": "wildgraph.gates.evidence_positions:EvidencePositionsGate",
        "injection": "wildgraph.gates.injection:InjectionGate",
        "toxicity": "wildgraph.gates.toxicity:ToxicityGate",
        "grounding": "wildgraph.gates.grounding:GroundingGate",
        "checkable": "wildgraph.gates.checkable:CheckableGate",
        "all_documents": "wildgraph.gates.all_documents:AllDocumentsGate",
        "wrong_document": "wildgraph.gates.wrong_document:WrongDocumentGate",
        "contamination": "wildgraph.gates.contamination:ContaminationGate",
        "target": "wildgraph.gates.target:TargetGate",
        "duplicates": "wildgraph.gates.duplicates:DuplicatesGate",
    },
    "checkers": {
        "all": "wildgraph.checkers.combined:All",
        "share": "wildgraph.checkers.combined:Share",
        "exact": "wildgraph.checkers.exact:Exact",
        "numeric": "wildgraph.checkers.numeric:Numeric",
        "choice": "wildgraph.checkers.choice:Choice",
        "list": "wildgraph.checkers.lists:ListOf",
        "set": "wildgraph.checkers.lists:SetOf",
        "ordering": "wildgraph.checkers.lists:Ordering",
        "json_schema": "wildgraph.checkers.json_schema:JsonSchema",
        "regex": "wildgraph.checkers.patterns:Regex",
        "citation": "wildgraph.checkers.citation:Citation",
        "words": "wildgraph.checkers.counts:Words",
        "sentences": "wildgraph.checkers.counts:Sentences",
        "items": "wildgraph.checkers.counts:Items",
        "keywords:existence": "wildgraph.checkers.ifeval.keywords:Existence",
        "keywords:frequency": "wildgraph.checkers.ifeval.keywords:Frequency",
        "keywords:forbidden_words": "wildgraph.checkers.ifeval.keywords:ForbiddenWords",
        "keywords:letter_frequency": "wildgraph.checkers.ifeval.keywords:LetterFrequency",
        "language:response_language": "wildgraph.checkers.ifeval.language:ResponseLanguage",
        "length_constraints:number_words": "wildgraph.checkers.ifeval.length_constraints:NumberWords",
        "length_constraints:number_sentences": "wildgraph.checkers.ifeval.length_constraints:NumberSentences",
        "length_constraints:number_paragraphs": "wildgraph.checkers.ifeval.length_constraints:NumberParagraphs",
        "length_constraints:nth_paragraph_first_word": "wildgraph.checkers.ifeval.length_constraints:NthParagraphFirstWord",
        "detectable_content:number_placeholders": "wildgraph.checkers.ifeval.detectable_content:NumberPlaceholders",
        "detectable_content:postscript": "wildgraph.checkers.ifeval.detectable_content:Postscript",
        "detectable_format:number_bullet_lists": "wildgraph.checkers.ifeval.detectable_format:NumberBulletLists",
        "detectable_format:constrained_response": "wildgraph.checkers.ifeval.detectable_format:ConstrainedResponse",
        "detectable_format:number_highlighted_sections": "wildgraph.checkers.ifeval.detectable_format:NumberHighlightedSections",
        "detectable_format:multiple_sections": "wildgraph.checkers.ifeval.detectable_format:MultipleSections",
        "detectable_format:json_format": "wildgraph.checkers.ifeval.detectable_format:JsonFormat",
        "detectable_format:title": "wildgraph.checkers.ifeval.detectable_format:Title",
        "combination:repeat_prompt": "wildgraph.checkers.ifeval.combination:RepeatPrompt",
        "combination:two_responses": "wildgraph.checkers.ifeval.combination:TwoResponses",
        "startend:end_checker": "wildgraph.checkers.ifeval.startend:EndChecker",
        "startend:quotation": "wildgraph.checkers.ifeval.startend:Quotation",
        "change_case:capital_word_frequency": "wildgraph.checkers.ifeval.change_case:CapitalWordFrequency",
        "change_case:english_capital": "wildgraph.checkers.ifeval.change_case:EnglishCapital",
        "change_case:english_lowercase": "wildgraph.checkers.ifeval.change_case:EnglishLowercase",
        "punctuation:no_comma": "wildgraph.checkers.ifeval.punctuation:NoComma",
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


def added_by(error: BaseException) -> str | None:
    """The place in a package that adds plug-ins at which an error arose, or through which it came; ``None`` if there was none.

    Returns:
        As ``module, line 7``.
    """
    points = chain.from_iterable(entry_points(group=f"wildgraph.{kind}") for kind in BUILT_IN)
    packages = {point.value.partition(":")[0].partition(".")[0] for point in points} - {"wildgraph"}
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in packages:
            return f"{module}, line {line}"
    return None


def load(kind: str, name: str) -> object:
    """The implementation registered under ``name``; the caller narrows its type.

    Raises:
        UsageError: nothing has that name, or its module or attribute cannot be imported.
    """
    known = registered(kind)
    if name not in known:
        hint = did_you_mean(name, known) if known else f"no package that is installed adds {kind}"
        raise UsageError(f"no {kind.rstrip('s')} is called {name!r}", hint)
    module, _, attribute = known[name].partition(":")
    try:
        loaded: object = getattr(import_module(module), attribute)
    except Exception as error:  # whatever another package does when it is imported
        extra = EXTRAS.get((kind, name))
        named = str(error) if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
        said = " ".join(named.split())
        raise UsageError(
            f"{kind.rstrip('s')} {name!r} cannot be loaded: {said}", f"pip install 'wildgraph[{extra}]'" if extra else ""
        ) from error
    return loaded
