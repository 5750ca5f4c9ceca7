"""What can go wrong with one attempt at a model server, and what each kind means for the request and for the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wildgraph.errors import AuthenticationError, ModelError, ServerError

Kind = Literal[
    "unauthorized",
    "forbidden",
    "quota",
    "not_found",
    "html",
    "unreachable",
    "rate_limited",
    "overloaded",
    "server_error",
    "reset",
    "timeout",
    "garbled",
    "no_choice",
    "malformed",
    "dialect",
    "prompt_too_long",
    "content_filter",
    "bad_request",
]

_SHORTEST_KEY = 8
"""Characters."""


@dataclass(frozen=True)
class Meaning:
    """What a kind of trouble means.

    Attributes:
        scope: ``run``: nothing will work, stop now. ``suspect``: the same if the server never answered properly, else as ``attempt``.
            ``attempt``: try again. ``wait``: try again, slower. ``dialect``: say it in another way at once. ``item``: this request is refused.
        reason: the rejection reason when the request is given up.
        transient: whether the next run may try again.
        billed: whether the server may have charged for the attempt without saying how much.
    """

    scope: Literal["run", "suspect", "attempt", "wait", "dialect", "item"]
    reason: str = "server_error"
    transient: bool = True
    billed: bool = False


MEANINGS: dict[Kind, Meaning] = {
    "unauthorized": Meaning("run"),
    "forbidden": Meaning("suspect", "refused", transient=False),
    "quota": Meaning("run"),
    "not_found": Meaning("suspect", "bad_request"),
    "html": Meaning("suspect"),
    "unreachable": Meaning("suspect"),
    "rate_limited": Meaning("wait"),
    "overloaded": Meaning("wait"),
    "server_error": Meaning("attempt"),
    "reset": Meaning("attempt", billed=True),
    "timeout": Meaning("attempt", "timeout", billed=True),
    "garbled": Meaning("attempt", billed=True),
    "no_choice": Meaning("attempt", "empty_answer", billed=True),
    "malformed": Meaning("attempt", "invalid_answer", billed=True),
    "dialect": Meaning("dialect", "bad_request"),
    "prompt_too_long": Meaning("item", "prompt_too_long", transient=False),
    "content_filter": Meaning("item", "content_filter", transient=False),
    "bad_request": Meaning("item", "bad_request", transient=False),
}


class Trouble(Exception):  # noqa: N818 - the word of the house for one failed attempt
    """One attempt failed; never leaves the model layer.

    Args:
        kind: what happened.
        detail: what the server or the network said, one line, without the key.
        retry_after: seconds the server asks to wait.
    """

    def __init__(self, kind: Kind, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind: Kind = kind
        self.detail = " ".join(detail.split())[:500]
        self.retry_after = retry_after

    @property
    def meaning(self) -> Meaning:
        """What it means for the request and the run."""
        return MEANINGS[self.kind]

    def for_the_run(self, server: str, model: str) -> ModelError:
        """The error that ends a run because of this trouble."""
        said = f": {self.detail}" if self.detail else ""
        match self.kind:
            case "unauthorized" | "forbidden":
                return AuthenticationError(
                    f"{server} refused the key{said}",
                    "set OPENAI_API_KEY (for a judge or trainee its own key) to one that may use this model",
                )
            case "quota":
                return ServerError(f"{server} says that the account has no credit left{said}", "top it up and run the same command again")
            case "not_found":
                return ServerError(
                    f"{server} knows no model {model!r} or no such address{said}",
                    "check --model, and that --base-url (or the judge's or trainee's own) ends as the server wants it, often in /v1",
                )
            case "html":
                return ServerError(
                    f"{server} answers with a web page, not with the chat-completions protocol{said}",
                    "check --base-url; it often ends in /v1, and a proxy may be in the way",
                )
            case "unreachable":
                return ServerError(
                    f"{server} cannot be reached{said}",
                    "check --base-url (or the judge's or trainee's own) and that the server runs; then run the same command again",
                )
            case _:
                return ServerError(f"{server} fails{said}", "look at the server's log; then run the same command again")


def without(secret: str, text: str) -> str:
    """``text`` with a key made unreadable. What is shorter than any key, such as ``EMPTY`` for a server that wants none, is a mere word.

    Example:
        >>> without("sk-12345678", "no such key: sk-12345678"), without("EMPTY", "the list is EMPTY")
        ('no such key: ***', 'the list is EMPTY')
    """
    return text.replace(secret, "***") if len(secret) >= _SHORTEST_KEY else text
