"""Readers: one per layout that query logs come in, found by name through the registry or by looking at the rows.

A reader turns rows into conversations; opening files (JSONL, JSON arrays, parquet, CSV, text, compressed or not) is no concern of it.
"""

from __future__ import annotations

from wildgraph.readers.layout import LogRow, Reader
from wildgraph.readers.logs import log_files, read_logs

__all__ = ["LogRow", "Reader", "log_files", "read_logs"]
