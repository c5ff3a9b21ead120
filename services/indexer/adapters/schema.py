"""The tables of the documents' file, and how a file made by an earlier version becomes one of this."""

import json
import sqlite3
import zlib
from collections.abc import Callable

from services.indexer.adapters import duplicates
from services.indexer.adapters.quarantine import PUT, row_of
from services.indexer.domain.documents import DocumentRecord
from shared.contracts import DocumentRejected

#: Of the tables below; `user_version` in the file.
SCHEMA_VERSION = 3
DOCUMENTS = """
CREATE TABLE documents (
    document_id TEXT PRIMARY KEY,
    sequence    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    title       TEXT,
    record      BLOB NOT NULL,   -- zlib JSON of DocumentRecord, without `parsed`
    parsed      BLOB             -- zlib JSON of ParsedDocument
) STRICT;
CREATE INDEX newest ON documents (sequence);
CREATE INDEX newest_of_state ON documents (state, sequence);
-- put, and perhaps not in the search index
CREATE TABLE unconfirmed (document_id TEXT PRIMARY KEY) STRICT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO facts VALUES ('index_id', lower(hex(randomblob(16))));
"""
QUARANTINE = """
CREATE TABLE quarantine (        -- a row for each rejected document: what lists and groups need without its record
    document_id TEXT PRIMARY KEY,
    reason      TEXT NOT NULL,   -- its class: `domain/quarantine.py`
    stage       TEXT NOT NULL,
    replayable  INTEGER NOT NULL,
    rejected    TEXT NOT NULL    -- ISO 8601 in UTC with microseconds: sorts as text
) STRICT, WITHOUT ROWID;
CREATE INDEX last_rejected ON quarantine (rejected);
CREATE INDEX last_rejected_by_reason ON quarantine (reason, rejected);
CREATE INDEX reasons ON quarantine (reason, stage, replayable, rejected);
"""
DUPLICATES = """
CREATE TABLE duplicates (        -- a row for each document in state duplicate
    document_id  TEXT PRIMARY KEY,
    duplicate_of TEXT NOT NULL,
    accepted     TEXT NOT NULL   -- ISO 8601 in UTC with microseconds: sorts as text; empty where it is not known
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicates_of ON duplicates (duplicate_of, accepted, document_id);
"""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables in a new file, or bring an older one up to date; all of it or nothing.

    Raises:
        sqlite3.DatabaseError: a newer version made the file, or what is in it cannot be read.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"made by a newer version of Dateline: {version}, not {SCHEMA_VERSION}")
    if version == SCHEMA_VERSION:
        return
    with db:
        db.execute("BEGIN IMMEDIATE")
        for step in STEPS[version:]:
            step(db)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _make_documents(db: sqlite3.Connection) -> None:
    _execute(db, DOCUMENTS)


def _make_quarantine(db: sqlite3.Connection) -> None:
    _execute(db, QUARANTINE)
    for document_id, record in db.execute("SELECT document_id, record FROM documents WHERE state = 'rejected'"):
        try:
            rejection = json.loads(zlib.decompress(record)).get("rejection")
            row = row_of(DocumentRejected.model_validate(rejection))
        except (ValueError, zlib.error) as error:
            raise sqlite3.DatabaseError(f"the record of document {document_id} is damaged") from error
        db.execute(PUT, row)


def _make_duplicates(db: sqlite3.Connection) -> None:
    _execute(db, DUPLICATES)
    for document_id, record in db.execute("SELECT document_id, record FROM documents WHERE state = 'duplicate'"):
        try:
            row = duplicates.row_of(DocumentRecord.model_validate_json(zlib.decompress(record)))
        except (ValueError, zlib.error) as error:
            raise sqlite3.DatabaseError(f"the record of document {document_id} is damaged") from error
        db.executemany(duplicates.PUT, [row] if row else [])


#: By position: what makes version n + 1 of version n. A step is never changed once it was released.
STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_make_documents, _make_quarantine, _make_duplicates)


def _execute(db: sqlite3.Connection, script: str) -> None:
    # `executescript` would commit what came before.
    for statement in script.split(";\n"):
        db.execute(statement)
