"""Where else the bytes of a document lie: a row for each duplicate, beside its record.

A document may have any number of duplicates, so that they are found and counted by index, never by reading records.
"""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from services.indexer.domain.documents import DocumentRecord
from shared.contracts import Source

#: Places of one document that it is found by; those beyond have hardly an inbox or a tag that these have not.
MOST_PLACES = 1_000

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

    def places(self, document_ids: Sequence[str]) -> dict[str, list[Source]]:
        """Return where else the bytes of these lie, at most 1,000 places each, without those that lie nowhere else."""
        return {
            document_id: [record.source for record in self.of(document_id, MOST_PLACES) if record.source]
            for document_id in self.count(document_ids)
        }


def note(db: sqlite3.Connection, records: Sequence[DocumentRecord]) -> set[str]:
    """Bring the rows up to date with these documents, in the caller's transaction.

    Return the documents that lie in other places by it.
    """
    ids = [(record.document_id,) for record in records]
    of = "SELECT duplicate_of FROM duplicates WHERE document_id = ?"
    before = {original for one in ids for (original,) in db.execute(of, one)}
    rows = [row for record in records if (row := row_of(record))]
    db.executemany("DELETE FROM duplicates WHERE document_id = ?", ids)
    db.executemany(PUT, rows)
    return before | {original for _, original, _ in rows}


def row_of(record: DocumentRecord) -> Row | None:
    """Return the row of `PUT`, None for what is no duplicate."""
    if record.state != "duplicate" or record.duplicate_of is None:
        return None
    accepted = record.times.accepted.astimezone(UTC).isoformat(timespec="microseconds") if record.times else ""
    return record.document_id, record.duplicate_of, accepted
