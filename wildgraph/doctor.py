"""Is everything here that the jobs need?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wildgraph import __version__
from wildgraph.errors import WildgraphError

_PACKAGES = ("networkx", "openai", "scikit-learn", "sentence-transformers", "pandas", "pydantic", "pyarrow", "aiohttp", "torch")
_LEAST_FREE = 2e9


def doctor(model: str | None = None, base_url: str | None = None) -> Iterator[tuple[str, bool, str]]:
    """Checks as (what, whether it is good, detail), one after the other.

    Args:
        model: look for this model at the server.
        base_url: server to ask; by default ``OPENAI_BASE_URL``. No server is asked when neither is set.
    """
    yield "wildgraph", True, __version__
    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    for name in _PACKAGES:
        try:
            yield name, True, version(name)
        except PackageNotFoundError:
            yield name, False, "not installed: pip install -c constraints.txt -e ."
    yield "sqlite", sqlite3.sqlite_version_info >= (3, 37), sqlite3.sqlite_version
    yield _embedder()
    free = shutil.disk_usage(Path.cwd()).free
    yield "disk", free >= _LEAST_FREE, f"{free / 1e9:.1f} GB free here"
    server = base_url or os.environ.get("OPENAI_BASE_URL")
    if server or model:
        yield _server(model or "", server)
    else:
        yield "model", True, "none named: the embedded offline engine answers (name one with --model and --base-url)"
    yield (
        "key",
        True,
        "OPENAI_API_KEY is set"
        if os.environ.get("OPENAI_API_KEY")
        else "OPENAI_API_KEY is not set (needed by OpenAI, rarely by own servers)",
    )


def _embedder() -> tuple[str, bool, str]:
    from wildgraph.embedders.sentence import SentenceEmbedder

    try:
        embedder = SentenceEmbedder()
        vectors = embedder.embed(["a contract", "a lease agreement", "a banana"])
    except (WildgraphError, ImportError, OSError, RuntimeError) as error:
        return "embedding model", False, " ".join(str(error).split())[:200]
    good = bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    return "embedding model", good, f"{embedder.identity}, {embedder.dimension} dimensions"


def _server(model: str, base_url: str | None) -> tuple[str, bool, str]:
    from wildgraph.backends.openai_compatible import OpenAICompatible

    try:
        client = OpenAICompatible(model or "any", base_url)
        offered = client.check()
        client.close()
    except WildgraphError as error:
        return "model server", False, str(error)
    if model and model not in offered:
        return "model server", False, f"answers, but offers no {model!r}; it has {', '.join(offered[:8]) or 'none'}"
    return "model server", True, f"answers, offers {', '.join(offered[:8]) or 'no list of models'}"
