"""YAML that people write: read with errors of one line, which say on which line of the file they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wildgraph.errors import WildgraphError

#: No deeper than anything here is nested; what refers to itself has no end.
_DEPTH = 8


def read_yaml(path: Path, what: str, kind: type[WildgraphError]) -> object:
    """What a YAML file holds.

    Args:
        path: the file.
        what: what it is to be, for messages: ``configuration``.
        kind: of the errors.

    Raises:
        WildgraphError: of this ``kind``: it cannot be read, or is not YAML.
    """
    import yaml

    try:
        found: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise kind(f"cannot read the {what} {path}: byte {error.start} is not UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise kind(f"cannot read the {what} {path}: {error.strerror or error}", "check the path") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise kind(f"{path} is not YAML{place}: {problem}", "check indentation, quotes and brackets there") from error
    except RecursionError as error:
        raise kind(f"{path} is nested too deeply", f"a {what} has a few levels") from error
    return found


def line_of(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line, from 1, on which the value behind these keys begins; that of the last key that is there, ``None`` without any.

    Args:
        path: a YAML file that has been read before.
        keys: of mappings, and places in lists.
    """
    import yaml

    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None  # it changed under our hands
    line = None
    for key in keys[:_DEPTH]:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in node.value if getattr(name, "value", None) == str(key)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line
