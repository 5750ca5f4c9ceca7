"""Readers: one per layout that query logs come in, found by name through the registry or by looking at the rows.

A reader turns rows into conversations; opening files is the concern of :mod:`wildgraph.rows`.
"""

from __future__ import annotations

from wildgraph.readers.layout import Reader
from wildgraph.readers.logs import log_files, read_logs
from wildgraph.rows import Row

__all__ = ["Reader", "Row", "log_files", "read_logs"]
