"""The documents, in one SQLite file: one writing connection, and a reading one for each reader at work.

A commit is on disk when it returns (WAL with `synchronous = FULL`): a message is acknowledged on the strength of it.
"""

import queue
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from services.indexer.adapters import duplicates, quarantine, schema
from services.indexer.domain.documents import DocumentRecord, ListedDocument, State
from shared.contracts import DocumentRejected, ParsedDocument
from shared.errors import SetupError, TransientError
from shared.folder_lock import lock_folder

INDEX_ID_FACT = "index_id"
#: Rows read at a time when all are read.
CHUNK = 500
#: Half the size of the JSON at a third of the time of the default level.
COMPRESSION = 1

Row = tuple[bytes, bytes | None]


class SqliteDocumentStore:
    """Documents by id. All methods may be called from any thread.

    The fact `index_id` is drawn when the file is made: another one tells the fetcher to feed everything again.
    `quarantine` reads those that were rejected, `duplicates` where else a document's bytes lie.

    Raises:
        SetupError: another process uses the folder, or the file is not one this version can read.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = lock_folder(folder, "indexer")
        self._path = folder / "documents.sqlite"
        self._writing = threading.Lock()
        self._confirmed: set[str] = set()
        self.quarantine = quarantine.Quarantine(self._read)
        self.duplicates = duplicates.Duplicates(self._read)
        self._idle_readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        try:
            self._writer = self._connect()
            self._prepare()
        except sqlite3.Error as error:
            self._lock.close()
            raise SetupError(
                f"the documents in {self._path} cannot be read ({error}); remove the folder {folder}, and "
                "everything is indexed again"
            ) from error

    def close(self) -> None:
        """Close the file and let another indexer have the folder."""
        with self._writing, self._writer:
            self._forget_confirmed()
        while not self._idle_readers.empty():
            self._idle_readers.get().close()
        self._writer.close()
        self._lock.close()

    def get(self, document_id: str) -> DocumentRecord | None:
        """Return the document, if it is known.

        Raises (as all that read): TransientError: the disk does not give it.
        """
        rows = self._read("SELECT record, parsed FROM documents WHERE document_id = ?", document_id)
        return _record(*rows[0]) if rows else None

    def get_many(self, document_ids: Sequence[str]) -> dict[str, DocumentRecord]:
        """Return those of the documents that are known, by id."""
        marks = ", ".join("?" * len(document_ids))
        rows = self._read(f"SELECT record, parsed FROM documents WHERE document_id IN ({marks})", *document_ids)  # noqa: S608
        records = (_record(*row) for row in rows)
        return {record.document_id: record for record in records}

    def newest(self, state: State | None, limit: int, offset: int) -> tuple[int, list[ListedDocument]]:
        """Return how many documents there are (in this state), and those of the page, last changed first."""
        where, values = ("WHERE state = ?", (state,)) if state else ("", ())
        rows = self._read(
            f"SELECT record, title FROM documents {where} ORDER BY sequence DESC, document_id LIMIT ? OFFSET ?",  # noqa: S608
            *(*values, limit, offset),
        )
        total = self._read(f"SELECT count(*) FROM documents {where}", *values)[0][0]  # noqa: S608
        return total, [ListedDocument(_record(record, None), title) for record, title in rows]

    def count(self, state: State) -> int:
        """How many documents are in this state."""
        return int(self._read("SELECT count(*) FROM documents WHERE state = ?", state)[0][0])

    def indexed(self) -> Iterator[DocumentRecord]:
        """Yield every document in state `indexed`, a few at a time, so that writing goes on meanwhile."""
        last = ""
        query = (
            "SELECT record, parsed FROM documents WHERE state = 'indexed' AND document_id > ? "
            "ORDER BY document_id LIMIT ?"
        )
        while rows := self._read(query, last, CHUNK):
            for row in rows:
                record = _record(*row)
                last = record.document_id
                yield record

    def last_sequence(self) -> int:
        """Return the highest sequence that was applied, -1 if none."""
        return int(self._read("SELECT coalesce(max(sequence), -1) FROM documents")[0][0])

    def count_after(self, sequence: int) -> int:
        """How many documents something happened to after this sequence."""
        return int(self._read("SELECT count(*) FROM documents WHERE sequence > ?", sequence)[0][0])

    def untouched_since(self, sequence: int, limit: int) -> list[DocumentRecord]:
        """Return indexed and duplicate documents, at most `limit`, to which nothing happened after this sequence."""
        query = "SELECT record, NULL FROM documents WHERE sequence <= ? AND state IN ('indexed', 'duplicate') LIMIT ?"
        return [_record(*row) for row in self._read(query, sequence, limit)]

    def fact(self, name: str) -> str | None:
        """Return what was remembered under this name."""
        rows = self._read("SELECT value FROM facts WHERE name = ?", name)
        return rows[0][0] if rows else None

    def remember(self, **facts: str | None) -> None:
        """Remember them across restarts; None forgets. Raises `TransientError`: the disk did not take them."""
        kept = [(name, value) for name, value in facts.items() if value is not None]
        try:
            with self._writing, self._writer:
                self._writer.executemany("DELETE FROM facts WHERE name = ?", [(name,) for name in facts])
                self._writer.executemany("INSERT INTO facts VALUES (?, ?)", kept)
        except sqlite3.OperationalError as error:
            raise TransientError(f"{self._path} does not take facts: {error}") from error

    @property
    def index_id(self) -> str:
        """Identity of what is indexed here."""
        return self.fact(INDEX_ID_FACT) or ""

    def unconfirmed(self) -> Iterator[DocumentRecord]:
        """Yield the documents that were put and, for all we know, not indexed: those in hand when a process died."""
        for row in self._read("SELECT record, parsed FROM documents JOIN unconfirmed USING (document_id)"):
            yield _record(*row)

    def put_many(self, records: Sequence[DocumentRecord]) -> set[str]:
        """Store all of them durably, or none; each stays unconfirmed until the search index has it.

        So do others that lie in other places by it: their duplicates changed. Returns their ids.

        Raises:
            TransientError: the disk did not take them.
        """
        rows = [_row(record) for record in records]
        try:
            with self._writing, self._writer:
                self._forget_confirmed()
                self._writer.executemany("REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?)", rows)
                quarantine.note(self._writer, records)
                ids = {row[0] for row in rows}
                relocated = duplicates.note(self._writer, records) - ids
                unconfirmed = [(document_id,) for document_id in (*ids, *relocated)]
                self._writer.executemany("REPLACE INTO unconfirmed VALUES (?)", unconfirmed)
        except sqlite3.OperationalError as error:
            raise TransientError(f"the documents cannot be stored in {self._path}: {error}") from error
        return relocated

    def forget(self, rejections: Sequence[DocumentRejected]) -> None:
        """Drop these rejections and their documents, unless they were rejected again; raises as `put_many`."""
        try:
            with self._writing, self._writer:
                quarantine.forget(self._writer, rejections)
        except sqlite3.OperationalError as error:
            raise TransientError(f"the documents in {self._path} cannot be changed: {error}") from error

    def confirm(self, document_ids: Sequence[str]) -> None:
        """The search index holds these as they were last put. Written with the next `put_many`: no extra fsync."""
        with self._writing:
            self._confirmed.update(document_ids)

    def _forget_confirmed(self) -> None:
        ids = [(document_id,) for document_id in self._confirmed]
        self._writer.executemany("DELETE FROM unconfirmed WHERE document_id = ?", ids)
        self._confirmed.clear()

    def _prepare(self) -> None:
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        schema.prepare(self._writer)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10.0, check_same_thread=False)

    def _read(self, query: str, *values: str | int) -> list[Any]:
        try:
            with self._reader() as reader, closing(reader.execute(query, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.OperationalError as error:
            raise TransientError(f"the documents cannot be read from {self._path}: {error}") from error

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            reader = self._idle_readers.get_nowait()
        except queue.Empty:
            reader = self._connect()
        try:
            yield reader
        finally:
            self._idle_readers.put(reader)


def _row(record: DocumentRecord) -> tuple[str, int, str, str | None, bytes, bytes | None]:
    parsed = record.parsed
    facts = zlib.compress(record.model_dump_json(exclude={"parsed"}).encode(), COMPRESSION)
    text = zlib.compress(parsed.model_dump_json().encode(), COMPRESSION) if parsed else None
    return record.document_id, record.sequence, record.state, parsed.title if parsed else None, facts, text


def _record(facts: bytes, text: bytes | None) -> DocumentRecord:
    record = DocumentRecord.model_validate_json(zlib.decompress(facts))
    if text is None:
        return record
    return record.model_copy(update={"parsed": ParsedDocument.model_validate_json(zlib.decompress(text))})
