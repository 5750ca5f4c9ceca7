"""Executable verifiers of answers: ``(text, args, context) -> Verdict``, used as gates and as reward functions.

A checker is a class in a file here whose fields are its arguments, and a line in the registry. The 25 types of instruction of IFEval
(Zhou et al. 2023, arXiv 2311.07911) are registered under their own ids, ``length_constraints:number_words`` and so on.
"""

from __future__ import annotations

from wildgraph.checkers.loading import Check, Checker, check, load_check
from wildgraph.checkers.rewards import COLUMNS, columns, reward
from wildgraph.checkers.verdicts import Context, Verdict

__all__ = ["COLUMNS", "Check", "Checker", "Context", "Verdict", "check", "columns", "load_check", "reward"]
