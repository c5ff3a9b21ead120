"""The ledger's SQLite file: its tables, how a file made by an earlier version becomes one of this, and its lock."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.errors import SetupError, TransientError
from shared.folder_lock import lock_folder

FIRST = """
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
INBOXES = """
ALTER TABLE documents ADD COLUMN inbox TEXT NOT NULL DEFAULT 'inbox';
ALTER TABLE documents ADD COLUMN url TEXT;                          -- where a page was fetched from
ALTER TABLE documents ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;   -- 1: found by a scan, gives way to lane 0
ALTER TABLE documents ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;   -- 1: its file went, it stays
ALTER TABLE documents ADD COLUMN seen_ns INTEGER NOT NULL DEFAULT 0;  -- wall clock, before its bytes were read
DROP INDEX live_path;
DROP INDEX live_content;
DROP INDEX unpublished;
DROP INDEX states;
CREATE UNIQUE INDEX live_place ON documents (inbox, path) WHERE live;
-- What lies in a folder is counted, listed and compared without a look at the rows: one scan after the other does.
CREATE INDEX lying_place ON documents (inbox, path, live, kept, size, modified_ns, changed_ns, inode)
    WHERE live AND NOT kept;
CREATE INDEX live_content ON documents (content_hash, duplicate_of, inode) WHERE live;
CREATE INDEX unpublished ON documents (lane, sequence) WHERE NOT published;
CREATE INDEX waiting ON documents (sequence) WHERE state = 'pending' AND published;
INSERT INTO facts SELECT 'published.fresh', max(sequence) FROM documents WHERE published HAVING max(sequence) NOTNULL;
-- How many are in which state: counting a million rows several times a second would take a core.
CREATE TABLE counts (state TEXT PRIMARY KEY, documents INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counts SELECT state, count(*) FROM documents GROUP BY state;
CREATE TRIGGER counted_in AFTER INSERT ON documents BEGIN
    INSERT INTO counts VALUES (NEW.state, 1) ON CONFLICT DO UPDATE SET documents = documents + 1; END;
CREATE TRIGGER counted_out AFTER DELETE ON documents BEGIN
    UPDATE counts SET documents = documents - 1 WHERE state = OLD.state; END;
CREATE TRIGGER counted_over AFTER UPDATE OF state ON documents WHEN OLD.state <> NEW.state BEGIN
    UPDATE counts SET documents = documents - 1 WHERE state = OLD.state;
    INSERT INTO counts VALUES (NEW.state, 1) ON CONFLICT DO UPDATE SET documents = documents + 1; END;
-- How many files of which inbox are documents: asked for by each of its scans.
CREATE TABLE files (inbox TEXT PRIMARY KEY, files INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO files SELECT inbox, count(*) FROM documents WHERE live AND NOT kept GROUP BY inbox;
CREATE TRIGGER file_in AFTER INSERT ON documents WHEN NEW.live AND NOT NEW.kept BEGIN
    INSERT INTO files VALUES (NEW.inbox, 1) ON CONFLICT DO UPDATE SET files = files + 1; END;
CREATE TRIGGER file_out AFTER DELETE ON documents WHEN OLD.live AND NOT OLD.kept BEGIN
    UPDATE files SET files = files - 1 WHERE inbox = OLD.inbox; END;
CREATE TRIGGER file_over AFTER UPDATE OF inbox, live, kept ON documents
    WHEN (OLD.inbox, OLD.live AND NOT OLD.kept) <> (NEW.inbox, NEW.live AND NOT NEW.kept) BEGIN
    UPDATE files SET files = files - 1 WHERE inbox = OLD.inbox AND OLD.live AND NOT OLD.kept;
    INSERT INTO files SELECT NEW.inbox, 1 WHERE NEW.live AND NOT NEW.kept
        ON CONFLICT DO UPDATE SET files = files + 1; END;
-- What lies in the inboxes and is no document: files that wait to be read, and what the rules leave out.
CREATE TABLE found (inbox TEXT, path BLOB, modified_ns INTEGER NOT NULL, PRIMARY KEY (inbox, path))
    STRICT, WITHOUT ROWID;
CREATE INDEX newest_found ON found (inbox, modified_ns);
CREATE TABLE ignored (inbox TEXT, path BLOB, rule TEXT NOT NULL, seen TEXT NOT NULL, PRIMARY KEY (inbox, path))
    STRICT, WITHOUT ROWID;
CREATE INDEX newest_ignored ON ignored (seen);
-- Files that name web addresses, and the feeds among these; and the pages that were asked for (times: epoch seconds).
CREATE TABLE lists (inbox TEXT, path BLOB, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL, inode INTEGER NOT NULL, PRIMARY KEY (inbox, path)) STRICT, WITHOUT ROWID;
CREATE TABLE pages (url TEXT PRIMARY KEY, host TEXT NOT NULL, waiting INTEGER NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, fetched INTEGER NOT NULL DEFAULT 0, etag TEXT, last_modified TEXT) STRICT;
CREATE INDEX due_pages ON pages (due, host) WHERE waiting;
CREATE TABLE waiting_pages (pages INTEGER NOT NULL) STRICT;  -- one row: counting them would take long
INSERT INTO waiting_pages VALUES (0);
CREATE TRIGGER page_asked AFTER INSERT ON pages BEGIN UPDATE waiting_pages SET pages = pages + NEW.waiting; END;
CREATE TRIGGER page_changed AFTER UPDATE OF waiting ON pages WHEN OLD.waiting <> NEW.waiting BEGIN
    UPDATE waiting_pages SET pages = pages + NEW.waiting - OLD.waiting; END;
CREATE TABLE feeds (url TEXT, inbox TEXT, path BLOB, due REAL NOT NULL, looked REAL, etag TEXT, last_modified TEXT,
    fault TEXT, PRIMARY KEY (url, inbox, path)) STRICT, WITHOUT ROWID;
CREATE INDEX due_feeds ON feeds (due);
CREATE TRIGGER list_gone AFTER DELETE ON lists BEGIN
    DELETE FROM feeds WHERE inbox = OLD.inbox AND path = OLD.path; END;
-- What was answered to an upload with an idempotency key: the same again gets the same answer.
CREATE TABLE answers (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL, given REAL NOT NULL) STRICT;
CREATE INDEX oldest_answers ON answers (given);
"""
#: By position: what makes version n + 1 of version n. A step is never changed once it was released.
STEPS = (FIRST, INBOXES)


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


class LedgerFile:
    """The file's connection, used from one thread.

    All methods raise `TransientError` when the disk does not take a change, or does not give a row.

    Raises:
        SetupError: another fetcher uses the folder, it cannot be written, or a newer version made it.
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
            self._db.execute("PRAGMA cache_size = -32768")  # KiB: a million rows' upper pages
            self._prepare()
        except (sqlite3.Error, TransientError) as error:
            self._lock.close()
            raise SetupError(f"the ledger {file} cannot be opened: {error}") from error
        self.execute: Callable[..., sqlite3.Cursor] = self._db.execute
        self.executemany: Callable[..., sqlite3.Cursor] = self._db.executemany

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise sqlite3.DatabaseError(f"made by a newer version of Dateline: {version}, not {len(STEPS)}")
        for step in STEPS[version:]:
            version += 1
            # One transaction a step: it is done whole, with its number, or not at all.
            self._db.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {version}; COMMIT;")

    def close(self) -> None:
        """Close the file and let another fetcher have the folder."""
        self._db.close()
        self._lock.close()

    def value(self, query: str, *values: Any) -> Any:
        """Return the first column of the first row."""
        return self._db.execute(query, values).fetchone()[0]

    def fact(self, name: str) -> str | None:
        """Return what was remembered under this name."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row["value"] if row else None

    def remember(self, name: str, value: str) -> None:
        """Remember it across restarts."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def forget(self, name: str) -> None:
        """Let nothing be remembered under this name."""
        self._db.execute("DELETE FROM facts WHERE name = ?", (name,))

    @contextmanager
    def durably(self) -> Iterator[None]:
        """The changes inside, made together, are on the disk when it ends: not even a power cut undoes them."""
        self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self.together():
                yield
        finally:
            self._db.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the changes inside all or none; within another such block, with that one."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
