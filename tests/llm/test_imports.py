"""What importing the model layer costs."""

from __future__ import annotations

import subprocess
import sys


def test_the_model_layer_imports_no_http_client_and_nothing_heavy():
    heavy = ("aiohttp", "openai", "torch", "sklearn", "pandas", "uvloop", "json_repair", "jinja2")
    code = f"import sys, wildgraph.llm, wildgraph.backends.openai_compatible; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
