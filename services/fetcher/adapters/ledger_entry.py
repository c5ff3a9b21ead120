"""One document's row in the ledger."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal

from services.fetcher.domain.identity import Place, Stamp

Change = Literal["fetched", "moved", "removed", "duplicated", "rejected"]


class Lane(IntEnum):
    """The queues of what is published: each in its own order, the first before the second."""

    FRESH = 0
    BULK = 1


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One document's row."""

    document_id: str
    place: Place
    live: bool
    kept: bool
    state: str
    change: Change
    sequence: int
    lane: Lane
    stamp: Stamp
    seen_ns: int
    content_hash: str | None
    duplicate_of: str | None
    reason: str | None
    url: str | None
    accepted: datetime
    fetched: datetime


def entry_of(row: sqlite3.Row) -> LedgerEntry:
    """Return the row as an entry."""
    return LedgerEntry(
        document_id=row["document_id"],
        place=Place(row["inbox"], row["path"]),
        live=bool(row["live"]),
        kept=bool(row["kept"]),
        state=row["state"],
        change=row["change"],
        sequence=row["sequence"],
        lane=Lane(row["lane"]),
        stamp=Stamp(row["size"], row["modified_ns"], row["changed_ns"], row["inode"]),
        seen_ns=row["seen_ns"],
        content_hash=row["content_hash"],
        duplicate_of=row["duplicate_of"],
        reason=row["reason"],
        url=row["url"],
        accepted=datetime.fromisoformat(row["accepted"]),
        fetched=datetime.fromisoformat(row["fetched"]),
    )
