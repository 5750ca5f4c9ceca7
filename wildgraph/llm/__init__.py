"""Model calls: what a request and a completion are, the one protocol every model implements, and what all models share."""

from __future__ import annotations

from wildgraph.llm.budget import Budget
from wildgraph.llm.cache import ResponseCache
from wildgraph.llm.cached import CachedModel, key_by_messages, key_by_variables
from wildgraph.llm.limits import Patience
from wildgraph.llm.model import ChatModel, ChatRequest, Completion, Decoding, Failure, Usage
from wildgraph.llm.prompts import Prompt, Template, load_template
from wildgraph.llm.tally import Counts, Tally

__all__ = [
    "Budget",
    "CachedModel",
    "ChatModel",
    "ChatRequest",
    "Completion",
    "Counts",
    "Decoding",
    "Failure",
    "Patience",
    "Prompt",
    "ResponseCache",
    "Tally",
    "Template",
    "Usage",
    "key_by_messages",
    "key_by_variables",
    "load_template",
]
