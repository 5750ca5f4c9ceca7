"""Commands that are families of their own; :mod:`wildgraph.cli` attaches them. What they need is imported when they run."""
