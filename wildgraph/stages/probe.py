"""Probe: how often a trainee already answers a pair so that its checkers pass; what it always or never manages teaches it nothing (GRPO).

The trainee is asked with the prompt that is exported, at the temperature of training, several times. The share of its answers that pass is
the pair's ``pass_rate``; with group-relative rewards a rate of 0 or 1 means an advantage of zero for every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from wildgraph.llm import ChatModel, ChatRequest, Decoding, Prompt, Template
from wildgraph.llm.asking import ask_about
from wildgraph.records import Json, Pair, content_hash

STAGE = "probe"
VERSION = 1
PROBE = "stages/probe"


class ProbeConfig(BaseModel):
    """How the trainee is tried.

    Attributes:
        samples: answers per pair.
        decoding: of the trainee.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(default=8, ge=8)
    decoding: Decoding = Decoding(temperature=1.0, max_tokens=2048)


def probe(
    pairs: Iterable[Pair],
    config: ProbeConfig,
    *,
    trainee: ChatModel,
    messages: Callable[[Pair], Sequence[tuple[str, str]]],
    passes: Callable[[Pair, str], bool],
) -> Iterator[Pair]:
    """The pairs in order, those with checkers with their pass rate; without one where the trainee failed to answer often enough.

    Args:
        pairs: accepted pairs.
        config: how often.
        trainee: the model that is to be trained.
        messages: role and content of every turn of the exported prompt.
        passes: whether an answer passes all checkers of a pair.
    """
    prompts: dict[int, Prompt] = {}

    def tries() -> Iterator[tuple[Pair, int]]:
        for pair in pairs:
            if not pair.checkers:
                yield pair, -1
                continue
            prompts[pair.index] = exported_prompt(messages(pair))
            for number in range(config.samples):
                yield pair, number

    def request(item: tuple[Pair, int]) -> ChatRequest | None:
        pair, number = item
        if number < 0:
            return None
        prefix = content_hash("documents", [one.hash for one in sorted(pair.documents, key=lambda one: one.order)])
        prompt = prompts[pair.index] if number < config.samples - 1 else prompts.pop(pair.index)
        return ChatRequest(f"{pair.index}:{number}", prompt, None, config.decoding, sample=number, prefix=prefix)

    passed = answered = 0
    for (pair, number), completion in ask_about(tries(), request, trainee):
        if number < 0 or completion is None:
            yield pair
            continue
        if number == 0:
            passed = answered = 0
        # An answer that was cut off or refused is one that does not pass; a request that failed is none.
        if completion.failure is None or completion.failure.reason in _ANSWERS:
            answered += 1
            passed += completion.failure is None and passes(pair, completion.text)
        if number == config.samples - 1:
            yield pair if answered < config.samples else pair.model_copy(update={"pass_rate": passed / answered})


_ANSWERS = frozenset({"truncated_answer", "empty_answer", "refused", "content_filter"})


def exported_prompt(messages: Sequence[tuple[str, str]]) -> Prompt:
    """The exported messages as a prompt: a template whose parts are the messages themselves.

    Args:
        messages: role and content.
    """
    parts = tuple((role, f"{{{{ contents[{place}] }}}}") for place, (role, _) in enumerate(messages))
    contents: list[Json] = [content for _, content in messages]
    return Prompt(Template(PROBE, VERSION, content_hash([role for role, _ in messages]), parts), {"contents": contents})
