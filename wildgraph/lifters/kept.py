"""A lifter whose groups stay in the run, so that what does not change them, such as another K, does not find them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import orjson

from wildgraph.errors import RunError
from wildgraph.fields import MetaField
from wildgraph.lifters import Group, Lifter, SeenValue
from wildgraph.store import RunDirectory

GROUPS = "private/groups.jsonl"


class KeptLifter:
    """Asks a lifter once for the same values and keeps what it says in the run.

    Args:
        lifter: what groups.
        run: where the groups go, open for writing.
    """

    def __init__(self, lifter: Lifter, run: RunDirectory) -> None:
        self.lifter = lifter
        self.run = run

    @property
    def identity(self) -> str:
        """The lifter's."""
        return self.lifter.identity

    def lift(self, values: Mapping[MetaField, Sequence[SeenValue]]) -> Mapping[str, Sequence[Group]]:
        """The lifter's groups, from disk where these very values were grouped before.

        Raises:
            RunError: the file is damaged or cannot be written.
        """
        asked = _mark(self.lifter.identity, values)
        if (kept := self._kept(asked)) is not None:
            return kept
        found = self.lifter.lift(values)
        self.run.write_rows(GROUPS, self._rows(asked, found))
        return found

    def _kept(self, asked: str) -> dict[str, list[Group]] | None:
        if not (self.run.path / GROUPS).is_file():
            return None
        rows = self.run.rows(GROUPS)
        if next(rows, {}).get("of") != asked:
            return None
        found: dict[str, list[Group]] = defaultdict(list)
        try:
            for row in rows:
                found[row.pop("field")].append(Group(**row))
        except (KeyError, TypeError) as error:
            raise RunError(f"{self.run.path / GROUPS} is corrupt: a row is no group", "remove it and run the same command again") from error
        return dict(found)

    @staticmethod
    def _rows(asked: str, found: Mapping[str, Sequence[Group]]) -> Iterator[dict[str, Any]]:
        yield {"of": asked}
        for name, groups in found.items():
            yield from ({"field": name, **asdict(group)} for group in groups)


def _mark(identity: str, values: Mapping[MetaField, Sequence[SeenValue]]) -> str:
    """What the groups depend on, whatever the order of the values."""
    found = sha256(identity.encode())
    for of in sorted(values, key=lambda of: of.name):
        found.update(orjson.dumps(of.model_dump(mode="json")))
        for one in sorted(values[of], key=lambda one: one.text):
            found.update(orjson.dumps((one.text, one.records, one.users, one.contexts)))
    return found.hexdigest()
