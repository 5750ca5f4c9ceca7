"""The texts of a pair's documents, fetched when a gate asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wildgraph.corpus import distinct


class PairTexts(Mapping[str, str]):
    """A pair's texts by document id, each fetched when it is first asked for.

    Args:
        hashes: document id -> content hash.
        fetch: content hash -> text.
        titles: content hash -> title, as the document has it.
        elsewhere: other documents in which the answer must not be: id -> content hash, asked for once.
    """

    def __init__(
        self,
        hashes: Mapping[str, str],
        fetch: Callable[[str], str],
        *,
        titles: Callable[[str], str] | None = None,
        elsewhere: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self._hashes = hashes
        self._fetch = fetch
        self._titles = titles
        self._elsewhere = elsewhere
        self._fetched: dict[str, str] = {}

    @property
    def titles(self) -> Mapping[str, str]:
        """Document id -> title, where titles are known: those by which the pair names its documents."""
        return distinct({name: self._titles(digest) for name, digest in self._hashes.items()}) if self._titles else {}

    @property
    def elsewhere(self) -> Mapping[str, str]:
        """Other documents' texts by id, fetched when they are asked for."""
        return PairTexts(self._elsewhere(), self._fetch) if self._elsewhere else {}

    def __getitem__(self, name: str) -> str:
        """The text of a document."""
        if name not in self._fetched:
            self._fetched[name] = self._fetch(self._hashes[name])
        return self._fetched[name]

    def __contains__(self, name: object) -> bool:
        """Whether the pair has a document of this id; fetches nothing."""
        return name in self._hashes

    def __iter__(self) -> Iterator[str]:
        """The ids, in prompt order."""
        return iter(self._hashes)

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._hashes)
