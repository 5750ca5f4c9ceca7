"""A model that is a Python function: messages in, text out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from wildgraph.errors import PluginError
from wildgraph.llm.answers import Reading, Turn, follow_up, read
from wildgraph.llm.model import ChatRequest, Completion, Decoding
from wildgraph.llm.stored import Stored
from wildgraph.llm.structured import with_schema

#: The messages, ``{"role": ..., "content": ...}`` each, and how to decode; gives the text of the answer, or ``None`` where there is none.
Complete = Callable[[list[dict[str, str]], Decoding], "str | None"]


class FunctionModel:
    """Asks a function, one request after the other, on the caller's thread.

    Where JSON is wanted its schema stands at the end of the last message. An answer that is not of it is shown to the function once more with what is wrong.

    Args:
        complete: the function. It is asked for another answer to equal messages where several are wanted, so that it should draw anew at a temperature above 0.
        identity: what answers, for keys and provenance; another one where the answers change.

    Example:
        >>> from wildgraph.llm import ChatRequest, Prompt, Template
        >>> prompt = Prompt(Template("x", 1, "0", (("user", "{{ n }}?"),)), {"n": 2})
        >>> model = FunctionModel(lambda messages, decoding: messages[-1]["content"].upper(), "loud")
        >>> [completion.text for completion in model.map([ChatRequest("a", prompt)])]
        ['2?']
    """

    def __init__(self, complete: Complete, identity: str) -> None:
        self.identity = identity
        self._complete = complete

    def map(self, requests: Iterable[ChatRequest]) -> Iterator[Completion]:
        """See :class:`wildgraph.llm.ChatModel`.

        Raises:
            PluginError: the function gave what is no text.
        """
        for request in requests:
            turn: Turn | None = Turn(request.prompt.messages(), request.schema, request.decoding, request.sample)
            asked, reading = 0, Reading("", "")
            while turn is not None:
                reading = read(Stored(self._ask(turn, request.id)), request.schema)
                asked += 1
                turn = follow_up(turn, reading) if reading.failure else None
            text = "" if reading.failure else reading.text
            yield Completion(request.id, text, reading.parsed, reading.reasoning, reading.failure, requests=asked)

    def _ask(self, turn: Turn, name: str) -> str:
        # A correction shows the schema itself.
        messages = (
            with_schema(turn.messages, turn.schema) if turn.schema and not turn.corrected else [dict(message) for message in turn.messages]
        )
        answer: object = self._complete(messages, turn.decoding)
        if answer is not None and not isinstance(answer, str):
            raise PluginError(
                f"the model {self.identity!r} gave {answer!r:.80} for the request {name!r}, no text",
                "a function of messages gives a string, or None",
            )
        return answer or ""
