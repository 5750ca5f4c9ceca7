"""A corpus on disk: a parquet table with the columns, and one array with the vectors, which stays there and is read as it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wildgraph.corpus.corpus import FORMAT_VERSION, NUMBER_COLUMNS, TEXT_COLUMNS, Corpus
from wildgraph.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "wildgraph.corpus"
TABLE, VECTORS = "corpus.parquet", "vectors.npy"
#: Columns with few distinct values, each of which is kept once, also in memory.
_FEW = ("licences", "languages", "declared_types", "document_types", "splits")
_ROW_GROUP = 131_072
_MEASURE = "measure:"


def save_corpus(corpus: Corpus, folder: Path) -> None:
    """Write a corpus to a folder: ``corpus.parquet`` and ``vectors.npy``, each renamed into place when whole; equal corpora give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{VECTORS}.partial"
    with partial.open("wb") as handle:
        np.save(handle, np.ascontiguousarray(corpus.vectors, dtype=np.float32))
    partial.replace(folder / VECTORS)
    columns: dict[str, pa.Array] = {}
    for name in TEXT_COLUMNS:
        # Bytes, not strings: parquet has no place for a lone surrogate, and names of files may hold one.
        column = pa.array([text.encode("utf-8", "surrogatepass") for text in getattr(corpus, name)], type=pa.binary())
        columns[name] = column.dictionary_encode() if name in _FEW else column
    columns |= {name: pa.array(np.asarray(getattr(corpus, name), dtype=np.int64)) for name in NUMBER_COLUMNS}
    columns |= {f"{_MEASURE}{name}": pa.array(np.asarray(measured, dtype=np.int64)) for name, measured in sorted(corpus.measures.items())}
    about = {"format": FORMAT, "version": str(FORMAT_VERSION), "fingerprint": corpus.fingerprint}
    about |= {name: getattr(corpus, name) for name in ("embedder", "counter", "settings")}
    partial = folder / f"{TABLE}.partial"
    pq.write_table(pa.table(columns, metadata=about), partial, compression="zstd", row_group_size=_ROW_GROUP)
    partial.replace(folder / TABLE)  # last: a folder with a table is whole


def load_corpus(folder: Path) -> Corpus:
    """The corpus in a folder; its vectors stay on disk and are read as they are needed.

    Raises:
        InputError: the folder holds no corpus, a newer one, or a damaged one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    hint = "read the documents again"
    try:
        table = pq.read_table(folder / TABLE, memory_map=True)
        vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise InputError(f"{folder} holds no readable corpus: {' '.join(str(error).split())}", hint) from error
    about = {key.decode(): value.decode("utf-8", "replace") for key, value in (table.schema.metadata or {}).items()}
    if about.get("format") != FORMAT:
        raise InputError(f"{folder / TABLE} is not a corpus table", hint)
    if not about.get("version", "").isdecimal() or int(about["version"]) > FORMAT_VERSION:
        raise InputError(f"{folder / TABLE} has format version {about.get('version')!r}", "a newer wildgraph wrote it: upgrade")
    try:
        # Checked as a whole right below: the columns' lengths and order by the class, their content by the fingerprint.
        columns: dict[str, Any] = {name: _texts(table.column(name)) for name in TEXT_COLUMNS}
        columns |= {name: _numbers(table.column(name)) for name in NUMBER_COLUMNS}
        columns["measures"] = {
            name.removeprefix(_MEASURE): _numbers(table.column(name)) for name in table.column_names if name.startswith(_MEASURE)
        }
        corpus = Corpus(vectors=vectors, **columns, **{name: about[name] for name in ("embedder", "counter", "settings")})
        if corpus.fingerprint != about["fingerprint"]:
            raise ValueError("the fingerprint does not fit the rows")
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{folder / TABLE} is corrupt: {error}", hint) from error
    return corpus


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _texts(column: pa.ChunkedArray) -> tuple[str, ...]:
    found: list[str] = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            words = [word.decode("utf-8", "surrogatepass") for word in chunk.dictionary.to_pylist()]
            found.extend(words[code] for code in chunk.indices.to_pylist())
        else:
            found.extend(text.decode("utf-8", "surrogatepass") for text in chunk.to_pylist())
    return tuple(found)
