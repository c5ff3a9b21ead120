"""Where else the bytes of a document lie: a row for each duplicate, beside its record.

A document may have any number of duplicates, so that they are found and counted by index, never by reading records.
"""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from services.indexer.domain.documents import DocumentRecord

Row = tuple[str, str, str]
PUT = "INSERT INTO duplicates VALUES (?, ?, ?)"


class Duplicates:
    """Reads what `note` wrote; raises `TransientError` when the disk does not give it."""

    def __init__(self, read: Callable[..., list[Any]]) -> None:
        self._read = read

    def of(self, document_id: str, limit: int) -> list[DocumentRecord]:
        """Return the duplicates of this document, at most `limit`, those that came first first."""
        rows = self._read(
            "SELECT record FROM (SELECT document_id, accepted FROM duplicates WHERE duplicate_of = ? "
            "ORDER BY accepted, document_id LIMIT ?) AS found JOIN documents USING (document_id) "
            "ORDER BY found.accepted, found.document_id",
            document_id,
            limit,
        )
        return [DocumentRecord.model_validate_json(zlib.decompress(record)) for (record,) in rows]

    def count(self, document_ids: Sequence[str]) -> dict[str, int]:
        """Return how many duplicates each of these has, without those that have none."""
        marks = ", ".join("?" * len(document_ids))
        query = f"SELECT duplicate_of, count(*) FROM duplicates WHERE duplicate_of IN ({marks}) GROUP BY duplicate_of"  # noqa: S608
        return dict(self._read(query, *document_ids))


def note(db: sqlite3.Connection, records: Sequence[DocumentRecord]) -> None:
    """Bring the rows up to date with these documents, in the caller's transaction."""
    db.executemany("DELETE FROM duplicates WHERE document_id = ?", [(record.document_id,) for record in records])
    db.executemany(PUT, [row for record in records if (row := row_of(record))])


def row_of(record: DocumentRecord) -> Row | None:
    """Return the row of `PUT`, None for what is no duplicate."""
    if record.state != "duplicate" or record.duplicate_of is None:
        return None
    accepted = record.times.accepted.astimezone(UTC).isoformat(timespec="microseconds") if record.times else ""
    return record.document_id, record.duplicate_of, accepted
