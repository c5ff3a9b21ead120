"""The ledger: every document ever accepted, the file it is, the state it is in, and the event still to be published.

With the blob store it is the truth: whatever Redis and the index lose is fed again from here. A row's `change` is what
last happened to the document; `sequence` orders all changes and is the event's. A row is `pending` until the indexer
has settled exactly that sequence.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from services.fetcher.domain.identity import Stamp, document_id_of
from shared.contracts import LedgerCounts, SettledState, StageBacklog
from shared.errors import SetupError, TransientError
from shared.folder_lock import lock_folder

Change = Literal["fetched", "moved", "removed", "duplicated", "rejected"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    document_id  TEXT PRIMARY KEY,
    path         BLOB NOT NULL,          -- relative to the inbox, as the file system has it
    live         INTEGER NOT NULL,       -- 1 while the file is there
    state        TEXT NOT NULL,          -- pending, indexed, duplicate, rejected, removed
    change       TEXT NOT NULL,          -- what last happened, and so which event tells of it
    sequence     INTEGER NOT NULL UNIQUE,
    published    INTEGER NOT NULL DEFAULT 0,
    size         INTEGER NOT NULL, modified_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    content_hash TEXT,                   -- of the bytes; NULL when they could not be read
    duplicate_of TEXT,
    reason       TEXT,                   -- why the fetcher rejected it
    accepted     TEXT NOT NULL,
    fetched      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS live_path ON documents (path) WHERE live;
CREATE INDEX IF NOT EXISTS live_content ON documents (content_hash) WHERE live;
CREATE INDEX IF NOT EXISTS duplicates ON documents (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS unpublished ON documents (sequence) WHERE NOT published;
CREATE INDEX IF NOT EXISTS states ON documents (state);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
#: The change that tells all there is to know of a row, for feeding it again.
FULL_CHANGE = """CASE WHEN NOT live THEN 'removed' WHEN reason IS NOT NULL THEN 'rejected'
                      WHEN duplicate_of IS NOT NULL THEN 'duplicated' ELSE 'fetched' END"""
#: The index that everything was fed to.
INDEX_ID_FACT = "index_id"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One document's row."""

    document_id: str
    path: bytes
    live: bool
    state: str
    change: Change
    sequence: int
    stamp: Stamp
    content_hash: str | None
    duplicate_of: str | None
    reason: str | None
    accepted: datetime
    fetched: datetime


class _Connection(sqlite3.Connection):
    """What the disk refuses for now, a full one most of all, is tried again later."""

    def execute(self, *args: Any) -> sqlite3.Cursor:
        with _disk_errors():
            return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        with _disk_errors():
            return super().executemany(*args)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise TransientError(f"the ledger: {error}") from error


class Ledger:
    """The rows, in one SQLite file; used from one thread.

    All methods raise `TransientError` when the disk does not take a change, or does not give a row.

    Raises:
        SetupError: another fetcher uses the folder, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = lock_folder(folder, "fetcher")
        file = folder / "ledger.sqlite"
        try:
            self._db = sqlite3.connect(file, isolation_level=None, factory=_Connection)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            # A power cut may undo the last moments: the files are found again by the scan, settlements by a new feed.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(SCHEMA)
            self._last_sequence: int = self._value("SELECT coalesce(max(sequence), 0) FROM documents")
        except (sqlite3.Error, TransientError) as error:
            self._lock.close()
            raise SetupError(f"the ledger {file} cannot be opened: {error}") from error

    def close(self) -> None:
        """Close the file and let another fetcher have the folder."""
        self._db.close()
        self._lock.close()

    # Reading

    def at(self, path: bytes) -> LedgerEntry | None:
        """Return the document whose file lies at this path."""
        return self._one("SELECT * FROM documents WHERE live AND path = ?", path)

    def holding(self, content_hash: str) -> list[LedgerEntry]:
        """Return the documents whose files hold these bytes, oldest first."""
        query = "SELECT * FROM documents WHERE live AND content_hash = ? ORDER BY accepted, sequence"
        return [_entry(row) for row in self._db.execute(query, (content_hash,))]

    def paths(self) -> Iterator[bytes]:
        """Yield the path of every file that was there at the last look."""
        for row in self._db.execute("SELECT path FROM documents WHERE live"):
            yield row["path"]

    def paths_beneath(self, folder: bytes) -> list[bytes]:
        """Return the paths in this folder and those beneath it."""
        low, high = folder + b"/", folder + b"0"  # `0` follows `/`
        query = "SELECT path FROM documents WHERE live AND path > ? AND path < ?"
        return [row["path"] for row in self._db.execute(query, (low, high))]

    def unpublished(self, most: int) -> list[LedgerEntry]:
        """Return what has still to be published, in order."""
        query = "SELECT * FROM documents WHERE NOT published ORDER BY sequence LIMIT ?"
        return [_entry(row) for row in self._db.execute(query, (most,))]

    def last_published(self) -> int:
        """Return the highest sequence that was published, -1 if none."""
        return int(self._value("SELECT coalesce(max(sequence), -1) FROM documents WHERE published"))

    def waiting_since(self) -> int | None:
        """Return the lowest sequence that was published and is not settled."""
        lowest: int | None = self._value("SELECT min(sequence) FROM documents WHERE state = 'pending' AND published")
        return lowest

    def counts(self, backlog: StageBacklog) -> LedgerCounts:
        """Count the states in one look; `backlog` says at which stage those in flight are."""
        rows = self._db.execute("SELECT state, count(*) AS n FROM documents GROUP BY state")
        states = {row["state"]: row["n"] for row in rows}
        pending = states.get("pending", 0)
        parser = min(backlog.parser, pending)
        indexer = min(backlog.indexer, pending - parser)
        return LedgerCounts(
            accepted=self._value("SELECT count(*) FROM documents"),
            indexed=states.get("indexed", 0),
            duplicate=states.get("duplicate", 0),
            rejected=states.get("rejected", 0),
            removed=states.get("removed", 0),
            in_flight=StageBacklog(fetcher=pending - parser - indexer, parser=parser, indexer=indexer),
            counted=datetime.now(UTC),
            index_id=self.fact(INDEX_ID_FACT),
        )

    # Changing

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the changes inside all or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def add(self, path: bytes, stamp: Stamp, change: Change, seen: datetime, **columns: Any) -> None:
        """Accept the file at this path, seen then, as a document of its own, under the first id that is free."""
        now = datetime.now(UTC).isoformat()
        row = {
            "document_id": self._free_id(path), "path": path, "live": 1, "state": "pending", "change": change,
            "sequence": self._next_sequence(), "published": 0, **asdict(stamp),
            "content_hash": None, "duplicate_of": None, "reason": None, "fetched": now, **columns,
        }  # fmt: skip
        # A file that came back is the document it was: accepted once.
        row["accepted"] = self._accepted(row["document_id"]) or seen.isoformat()
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._db.execute(f"INSERT OR REPLACE INTO documents ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608

    def change(self, document_id: str, change: Change, **columns: Any) -> None:
        """Something happened to the document: set the columns, and let an event tell of it."""
        self._update(
            document_id, state="pending", change=change, sequence=self._next_sequence(), published=0, **columns
        )

    def touch(self, document_id: str, stamp: Stamp) -> None:
        """The file's stamp is another, its bytes are the same: nothing to tell."""
        self._update(document_id, **asdict(stamp))

    def mark_published(self, sequences: Sequence[int]) -> None:
        """These events are on their streams."""
        with self.together():
            self._db.executemany("UPDATE documents SET published = 1 WHERE sequence = ?", [(s,) for s in sequences])

    def settle(self, document_id: str, sequence: int, state: SettledState) -> bool:
        """The indexer is done with this sequence; False when the document has changed since."""
        cursor = self._db.execute(
            "UPDATE documents SET state = ?, published = 1 WHERE document_id = ? AND sequence = ?",
            (state, document_id, sequence),
        )
        return cursor.rowcount == 1

    def feed_again(self, *, everything: bool) -> int:
        """Let events be published once more, of what is pending or of all documents; return how many.

        All includes the removed: the index must know of them, or a message still on its way would bring them back.
        """
        which = "TRUE" if everything else "state = 'pending'"
        rows = self._db.execute(f"SELECT document_id FROM documents WHERE {which} ORDER BY sequence").fetchall()  # noqa: S608
        with self.together():
            self._db.executemany(
                f"UPDATE documents SET state = 'pending', change = {FULL_CHANGE}, published = 0, sequence = ? "  # noqa: S608
                "WHERE document_id = ?",
                [(self._next_sequence(), row["document_id"]) for row in rows],
            )
        return len(rows)

    def fact(self, name: str) -> str | None:
        """Return what was remembered under this name."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row["value"] if row else None

    def remember(self, name: str, value: str) -> None:
        """Remember it across restarts."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _update(self, document_id: str, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(
            f"UPDATE documents SET {assignments} WHERE document_id = ?",  # noqa: S608  names from this module only
            (*columns.values(), document_id),
        )

    def _next_sequence(self) -> int:
        # Microseconds, so that a new ledger goes on above a lost one; never backwards, whatever the clock does.
        self._last_sequence = max(self._last_sequence + 1, time.time_ns() // 1_000)
        return self._last_sequence

    def _free_id(self, path: bytes) -> str:
        salt = 0
        while True:
            document_id = document_id_of(path, salt)
            holder = self._one("SELECT * FROM documents WHERE document_id = ?", document_id)
            if holder is None or not holder.live:
                return document_id
            salt += 1

    def _accepted(self, document_id: str) -> str | None:
        row = self._db.execute("SELECT accepted FROM documents WHERE document_id = ?", (document_id,)).fetchone()
        return row["accepted"] if row else None

    def _one(self, query: str, *values: Any) -> LedgerEntry | None:
        row = self._db.execute(query, values).fetchone()
        return _entry(row) if row else None

    def _value(self, query: str) -> Any:
        return self._db.execute(query).fetchone()[0]


def _entry(row: sqlite3.Row) -> LedgerEntry:
    return LedgerEntry(
        document_id=row["document_id"],
        path=row["path"],
        live=bool(row["live"]),
        state=row["state"],
        change=row["change"],
        sequence=row["sequence"],
        stamp=Stamp(row["size"], row["modified_ns"], row["changed_ns"], row["inode"]),
        content_hash=row["content_hash"],
        duplicate_of=row["duplicate_of"],
        reason=row["reason"],
        accepted=datetime.fromisoformat(row["accepted"]),
        fetched=datetime.fromisoformat(row["fetched"]),
    )
