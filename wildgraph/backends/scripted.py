"""A model whose answers are given beforehand: the test double as a product, for tests of stages and of your own plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from wildgraph.errors import PluginError
from wildgraph.llm.answers import read
from wildgraph.llm.model import ChatRequest, Completion, Failure
from wildgraph.llm.stored import Stored

Script = Callable[[ChatRequest], "str | Failure"]


class ScriptedModel:
    """Answers from a function or a table, parsed as a server's answers are, in order, on the caller's thread.

    Args:
        answers: a function of the request, or a mapping from request id to answer; an id that is missing there fails as ``refused``.
            An answer is raw text (JSON where the request has a schema, reasoning tags and code fences allowed) or a failure.
        identity: what answers, for keys and provenance.

    Attributes:
        seen: the requests in the order in which they were answered.

    Example:
        >>> from wildgraph.llm import ChatRequest, Prompt, Template
        >>> prompt = Prompt(Template("x", 1, "0", (("user", "{{ n }}?"),)), {"n": 2})
        >>> [completion.text for completion in ScriptedModel({"a": "<think>hm</think>two"}).map([ChatRequest("a", prompt)])]
        ['two']
    """

    def __init__(self, answers: Script | Mapping[str, str | Failure], identity: str = "scripted") -> None:
        self.identity = identity
        self.seen: list[ChatRequest] = []
        self._answers = answers

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """See :class:`wildgraph.llm.ChatModel`."""
        for request in requests:
            self.seen.append(request)
            answer = self._answer(request)
            if isinstance(answer, Failure):
                yield Completion(request.id, failure=answer)
                continue
            reading = read(Stored(answer), request.schema)
            text = "" if reading.failure else reading.text
            yield Completion(request.id, text, reading.parsed, reading.reasoning, reading.failure, requests=1)

    def _answer(self, request: ChatRequest) -> str | Failure:
        if isinstance(self._answers, Mapping):
            return self._answers.get(request.id, Failure("refused", "the script has no answer to this request"))
        answer: object = self._answers(request)
        if not isinstance(answer, str | Failure):
            raise PluginError(
                f"the script gave {answer!r:.80} for the request {request.id!r}, no answer", "an answer is a text or a failure"
            )
        return answer
