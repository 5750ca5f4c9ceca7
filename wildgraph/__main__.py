"""``python -m wildgraph`` is the command ``wildgraph``."""

from wildgraph.cli import entry

if __name__ == "__main__":
    entry()
