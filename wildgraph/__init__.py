"""wildgraph: long-context instruction data that looks like what people really ask.

The three jobs, as functions: :func:`build` task graphs from query logs, :func:`sample` accepted pairs from graphs and documents,
:func:`view` them on one page; :func:`export` writes data sets, :func:`status` tells the funnel, :func:`coverage` what a sample reached,
:func:`picture` draws for papers, :func:`estimate_build` and :func:`estimate_sample` say what a job will ask and cost, :func:`gate_counts` and
:func:`explain` what the gates said, :func:`diff_datasets` what two data sets do not share. :class:`FunctionModel` makes a model of a function. Results show themselves in notebooks and turn into frames with ``to_pandas()``, where it makes sense
also with ``to_networkx()`` and ``to_dataset()``.
Of graphs: :func:`merge_graphs`, :func:`diff_graphs`, :func:`graph_stats`, :func:`check_graphs`, :func:`export_graphs`; of people:
:func:`forget`, :func:`purge`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from wildgraph.backends.function import FunctionModel
    from wildgraph.config import Config, load_config
    from wildgraph.errors import WildgraphError
    from wildgraph.estimating import estimate_build, estimate_sample
    from wildgraph.explaining import explain, gate_counts
    from wildgraph.exporters.reading import diff_datasets
    from wildgraph.forgetting import forget, purge
    from wildgraph.picturing import picture
    from wildgraph.pipeline import build, coverage, export, sample, status, view
    from wildgraph.published import check_graphs, diff_graphs, export_graphs, graph_stats
    from wildgraph.records import Conversation, Document, MetaInformation, Pair, Rejection, TaskSpec
    from wildgraph.taskgraph import TaskGraph, read_graphs
    from wildgraph.uniting import merge_graphs

_HOMES = {
    "FunctionModel": "backends.function",
    "Config": "config",
    "load_config": "config",
    "WildgraphError": "errors",
    "estimate_build": "estimating",
    "estimate_sample": "estimating",
    "explain": "explaining",
    "gate_counts": "explaining",
    "diff_datasets": "exporters.reading",
    "forget": "forgetting",
    "purge": "forgetting",
    "picture": "picturing",
    "build": "pipeline",
    "coverage": "pipeline",
    "export": "pipeline",
    "sample": "pipeline",
    "status": "pipeline",
    "view": "pipeline",
    "check_graphs": "published",
    "diff_graphs": "published",
    "export_graphs": "published",
    "graph_stats": "published",
    "Conversation": "records",
    "Document": "records",
    "MetaInformation": "records",
    "Pair": "records",
    "Rejection": "records",
    "TaskSpec": "records",
    "TaskGraph": "taskgraph",
    "read_graphs": "taskgraph",
    "merge_graphs": "uniting",
}

__all__ = [
    "Config",
    "Conversation",
    "Document",
    "FunctionModel",
    "MetaInformation",
    "Pair",
    "Rejection",
    "TaskGraph",
    "TaskSpec",
    "WildgraphError",
    "__version__",
    "build",
    "check_graphs",
    "coverage",
    "diff_datasets",
    "diff_graphs",
    "estimate_build",
    "estimate_sample",
    "explain",
    "export",
    "export_graphs",
    "forget",
    "gate_counts",
    "graph_stats",
    "load_config",
    "merge_graphs",
    "picture",
    "purge",
    "read_graphs",
    "sample",
    "status",
    "view",
]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first used: ``import wildgraph`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wildgraph' has no attribute {name!r}")
    return getattr(import_module(f"wildgraph.{_HOMES[name]}"), name)
