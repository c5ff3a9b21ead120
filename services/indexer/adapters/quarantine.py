"""What was rejected, beside the documents in their file: listed, grouped by reason, and taken off for a replay.

A row is written in the transaction that stores its document, and is gone in the one that stores another state.
"""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.quarantine import QuarantineFilter, ReasonGroup, is_replayable, reason_class, rejection_of
from shared.contracts import DocumentRejected

#: Groups that are listed: more than a person reads.
MOST_GROUPS = 100

PUT = "REPLACE INTO quarantine (document_id, reason, stage, replayable, rejected) VALUES (?, ?, ?, ?, ?)"

Row = tuple[str, str, str, bool, str]


class Quarantine:
    """Reads the rejected documents. All methods may be called from any thread, and raise `TransientError`."""

    def __init__(self, read: Callable[..., list[Any]]) -> None:
        self._read = read

    def newest(self, which: QuarantineFilter, limit: int, offset: int) -> tuple[int, list[DocumentRejected]]:
        """Return how many there are, and those of the page, last rejected first."""
        where, values = _where(which)
        rows = self._read(
            f"SELECT record FROM (SELECT document_id, rejected FROM quarantine {where} "  # noqa: S608
            "ORDER BY rejected DESC, document_id DESC LIMIT ? OFFSET ?) JOIN documents USING (document_id) "
            "ORDER BY rejected DESC, document_id DESC",
            *(*values, limit, offset),
        )
        return self.count(which), [_rejection(*row) for row in rows]

    def groups(self, which: QuarantineFilter) -> tuple[int, list[ReasonGroup]]:
        """Return how many classes of reasons there are, and the largest of them."""
        where, values = _where(which)
        total = self._read(f"SELECT count(DISTINCT reason) FROM quarantine {where}", *values)[0][0]  # noqa: S608
        rows = self._read(
            "SELECT reason, count(*) AS number, sum(replayable), group_concat(DISTINCT stage), max(rejected) "  # noqa: S608
            f"FROM quarantine {where} GROUP BY reason ORDER BY number DESC, reason LIMIT ?",
            *(*values, MOST_GROUPS),
        )
        return total, [_group(*row) for row in rows]

    def count(self, which: QuarantineFilter, *, replayable: bool | None = None, after: str = "") -> int:
        """How many there are, of those with an id behind `after`."""
        where, values = _where(which, replayable, after)
        return int(self._read(f"SELECT count(*) FROM quarantine {where}", *values)[0][0])  # noqa: S608

    def replayable(self, which: QuarantineFilter, after: str, limit: int) -> list[DocumentRejected]:
        """Return the next that can be replayed, by their ids: one rejected again meanwhile is not met twice."""
        where, values = _where(which, True, after)
        rows = self._read(
            f"SELECT record FROM (SELECT document_id FROM quarantine {where} ORDER BY document_id LIMIT ?) "  # noqa: S608
            "JOIN documents USING (document_id) ORDER BY document_id",
            *(*values, limit),
        )
        return [_rejection(*row) for row in rows]


def note(db: sqlite3.Connection, records: Sequence[DocumentRecord]) -> None:
    """Bring the rows up to date with these documents, in the caller's transaction."""
    rejections = [rejection for record in records if (rejection := rejection_of(record))]
    db.executemany("DELETE FROM quarantine WHERE document_id = ?", [(record.document_id,) for record in records])
    db.executemany(PUT, [row_of(rejection) for rejection in rejections])


def forget(db: sqlite3.Connection, rejections: Sequence[DocumentRejected]) -> None:
    """Forget these and their documents, in the caller's transaction; one rejected again since then is kept."""
    for rejection in rejections:
        row = (rejection.document_id, _moment(rejection.rejected))
        if db.execute("DELETE FROM quarantine WHERE document_id = ? AND rejected = ?", row).rowcount:
            db.execute("DELETE FROM documents WHERE document_id = ?", row[:1])


def row_of(rejection: DocumentRejected) -> Row:
    """Return the row of `PUT`."""
    return (
        rejection.document_id,
        reason_class(rejection.reason),
        rejection.stage,
        is_replayable(rejection),
        _moment(rejection.rejected),
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _where(which: QuarantineFilter, replayable: bool | None = None, after: str = "") -> tuple[str, list[str | int]]:
    conditions: dict[str, str | int] = {}
    if which.reason is not None:
        conditions["reason = ?"] = reason_class(which.reason)
    if which.stage is not None:
        conditions["stage = ?"] = which.stage
    if replayable is not None:
        conditions["replayable = ?"] = replayable
    if after:
        conditions["document_id > ?"] = after
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", list(conditions.values())


def _group(reason: str, count: int, replayable: int, stages: str, newest: str) -> ReasonGroup:
    return ReasonGroup(reason, count, replayable, tuple(sorted(stages.split(","))), datetime.fromisoformat(newest))


def _rejection(record: bytes) -> DocumentRejected:
    rejection = rejection_of(DocumentRecord.model_validate_json(zlib.decompress(record)))
    if rejection is None:
        raise LookupError("a document in quarantine without its rejection")
    return rejection
