"""The ledger: every document ever accepted, the place it is from, the state it is in, and the event still to be told.

With the blob store it is the truth: whatever Redis and the index lose is fed again from here. A row's `change` is what
last happened to the document; `sequence` orders all changes and is the event's. A row is `pending` until the indexer
has settled exactly that sequence. `lane` is the queue it is published in: what a scan found gives way to what happens.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from services.fetcher.adapters.ledger_entry import Change, Lane, LedgerEntry, entry_of
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place, Stamp, document_id_of
from shared.contracts import LedgerCounts, SettledState, StageBacklog

#: The change that tells all there is to know of a row, for feeding it again.
FULL_CHANGE = """CASE WHEN NOT live THEN 'removed' WHEN reason IS NOT NULL THEN 'rejected'
                      WHEN duplicate_of IS NOT NULL THEN 'duplicated' ELSE 'fetched' END"""
#: Documents whose files lie in a folder of an inbox, or in folders beneath it.
BENEATH = "live AND NOT kept AND inbox = ? AND path > ? AND path < ?"
#: The index that everything was fed to.
INDEX_ID_FACT = "index_id"
#: The index that everything was begun to be fed to, and, until that has ended, the highest sequence there was then.
NEXT_INDEX_ID_FACT, LEFT_TO_FEED_FACT = "next_index_id", "left_to_feed"


class Ledger:
    """The rows. All methods raise `TransientError` when the disk does not take a change, or does not give a row."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self.together = file.together
        self.fact, self.remember = file.fact, file.remember
        self._last_sequence: int = file.value("SELECT coalesce(max(sequence), 0) FROM documents")
        #: Settlements since the start.
        self.settled = 0

    # Reading

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last change."""
        return self._last_sequence

    def at(self, place: Place) -> LedgerEntry | None:
        """Return the document whose file lies at this place."""
        return self._one("SELECT * FROM documents WHERE live AND inbox = ? AND path = ?", *place)

    def original(self, content_hash: str) -> LedgerEntry | None:
        """Return the document that holds these bytes and is no duplicate."""
        return self._one(
            "SELECT * FROM documents WHERE live AND content_hash = ? AND duplicate_of IS NULL", content_hash
        )

    def duplicates(self, document_id: str, most: int) -> list[LedgerEntry]:
        """Return documents that hold the same bytes as this one and say so, the oldest first."""
        query = "SELECT * FROM documents WHERE duplicate_of = ? ORDER BY rowid LIMIT ?"
        return self._all(query, document_id, most)

    def duplicates_of_inode(self, original: LedgerEntry, inode: int, most: int) -> list[LedgerEntry]:
        """Return those of them whose files have this inode."""
        query = "SELECT * FROM documents WHERE live AND content_hash = ? AND duplicate_of = ? AND inode = ? LIMIT ?"
        return self._all(query, original.content_hash, original.document_id, inode, most)

    def stamps(self, inbox: str, paths: Sequence[bytes]) -> dict[bytes, Stamp]:
        """Return the stamps of those files that are documents."""
        marks = ", ".join("?" * len(paths))
        query = (
            "SELECT path, size, modified_ns, changed_ns, inode FROM documents "  # noqa: S608  marks only
            f"WHERE live AND NOT kept AND inbox = ? AND path IN ({marks})"
        )
        return {row[0]: Stamp(*row[1:]) for row in self._file.execute(query, (inbox, *paths))}

    def refused(self, inbox: str, paths: Sequence[bytes]) -> set[bytes]:
        """Return which of those files were refused, and so may be read under other settings."""
        marks = ", ".join("?" * len(paths))
        query = f"SELECT path FROM documents WHERE live AND content_hash IS NULL AND inbox = ? AND path IN ({marks})"  # noqa: S608
        return {row["path"] for row in self._file.execute(query, (inbox, *paths))}

    def inboxes(self) -> list[str]:
        """Return the names of all inboxes that documents are from."""
        names, after = list[str](), ""
        query = "SELECT min(inbox) FROM documents WHERE live AND inbox > ?"
        while (name := self._file.value(query, after)) is not None:
            names.append(name)
            after = name
        return names

    def files(self, beneath: Place) -> int:
        """Return how many files there were in this folder, and those beneath it, at the last look.

        Of a whole inbox that is known; of a folder in it they are counted, a million in about 0.1 s.
        """
        if not beneath.path:
            row = self._file.execute("SELECT files FROM files WHERE inbox = ?", (beneath.inbox,)).fetchone()
            return row["files"] if row else 0
        query = f"SELECT count(*) FROM documents WHERE {BENEATH}"  # noqa: S608
        return int(self._file.value(query, beneath.inbox, *_range(beneath.path)))

    def paths(self, beneath: Place, after: bytes, most: int) -> list[bytes]:
        """Return the paths of such files, in order, from the one after this on."""
        low, high = _range(beneath.path)
        query = f"SELECT path FROM documents WHERE {BENEATH} ORDER BY path LIMIT ?"  # noqa: S608
        rows = self._file.execute(query, (beneath.inbox, max(low, after), high, most))
        return [row["path"] for row in rows]

    def unpublished(self, lane: Lane, most: int) -> list[LedgerEntry]:
        """Return what has still to be published, in order."""
        query = "SELECT * FROM documents WHERE NOT published AND lane = ? ORDER BY sequence LIMIT ?"
        return self._all(query, lane, most)

    def last_published(self, lane: Lane) -> int:
        """Return the highest sequence that was published, -1 if none."""
        return int(self.fact(_published_fact(lane)) or -1)

    def waiting_since(self) -> int | None:
        """Return the lowest sequence that was published and is not settled."""
        lowest: int | None = self._file.value(
            "SELECT min(sequence) FROM documents WHERE state = 'pending' AND published"
        )
        return lowest

    def counts(self, backlog: StageBacklog) -> LedgerCounts:
        """Count the states in one look; `backlog` says at which stage those in flight are."""
        states = {row["state"]: row["documents"] for row in self._file.execute("SELECT * FROM counts")}
        pending = states.get("pending", 0)
        parser = min(backlog.parser, pending)
        indexer = min(backlog.indexer, pending - parser)
        return LedgerCounts(
            accepted=sum(states.values()),
            indexed=states.get("indexed", 0),
            duplicate=states.get("duplicate", 0),
            rejected=states.get("rejected", 0),
            removed=states.get("removed", 0),
            in_flight=StageBacklog(fetcher=pending - parser - indexer, parser=parser, indexer=indexer),
            counted=datetime.now(UTC),
            index_id=self.fact(INDEX_ID_FACT),
        )

    # Changing

    def add(self, place: Place, stamp: Stamp, change: Change, lane: Lane, seen: datetime, **columns: Any) -> None:
        """Accept the file at this place, seen then, as a document of its own, under the first id that is free."""
        now = datetime.now(UTC).isoformat()
        row = {
            "document_id": self._free_id(place), **place._asdict(), "live": 1, "kept": 0, "state": "pending",
            "change": change, "sequence": self._next_sequence(), "lane": lane, "published": 0, **asdict(stamp),
            "content_hash": None, "duplicate_of": None, "reason": None, "url": None,
            "accepted": seen.isoformat(), "fetched": now, **columns,
        }  # fmt: skip
        # A file that came back is the document it was: accepted once.
        again = ", ".join(f"{name} = excluded.{name}" for name in row if name not in {"document_id", "accepted"})
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._file.execute(
            f"INSERT INTO documents ({names}) VALUES ({marks}) "  # noqa: S608  names from this module only
            f"ON CONFLICT (document_id) DO UPDATE SET {again}",
            tuple(row.values()),
        )

    def change(self, document_id: str, change: Change, lane: Lane = Lane.FRESH, **columns: Any) -> None:
        """Something happened to the document: set the columns, and let an event tell of it."""
        self._update(
            document_id, state="pending", change=change, sequence=self._next_sequence(), lane=lane, published=0,
            **columns,
        )  # fmt: skip

    def touch(self, document_id: str, stamp: Stamp, seen_ns: int) -> None:
        """The file's stamp is another, its bytes are the same: nothing to tell."""
        self._update(document_id, **asdict(stamp), seen_ns=seen_ns, kept=0)

    def keep(self, document_id: str) -> None:
        """The file is gone and its document stays: nothing to tell."""
        self._update(document_id, kept=1)

    def mark_published(self, lane: Lane, sequences: Sequence[int]) -> None:
        """These events, the last one the highest, are on their streams."""
        with self.together():
            self._file.executemany("UPDATE documents SET published = 1 WHERE sequence = ?", [(s,) for s in sequences])
            self.remember(_published_fact(lane), str(sequences[-1]))

    def settle(self, document_id: str, sequence: int, state: SettledState) -> bool:
        """The indexer is done with this sequence; False when the document has changed since."""
        cursor = self._file.execute(
            "UPDATE documents SET state = ?, published = 1 WHERE document_id = ? AND sequence = ?",
            (state, document_id, sequence),
        )
        self.settled += cursor.rowcount
        return cursor.rowcount == 1

    # Feeding again: whole events are published once more, in the order of what they tell, with new sequences

    @property
    def index_id(self) -> str | None:
        """The index that everything was fed to, or is being."""
        return self.fact(NEXT_INDEX_ID_FACT) or self.fact(INDEX_ID_FACT)

    @property
    def is_feeding(self) -> bool:
        """Whether some of everything is left to be fed to that index."""
        return self.fact(LEFT_TO_FEED_FACT) is not None

    def feed_what_was_lost(self, seen: Mapping[Lane, int]) -> int:
        """Feed again what was on its way: as many documents as there is room for on the streams; return how many.

        Args:
            seen: the highest sequence that Redis knows of, of the lanes in which more was published.
        """
        lost = self._sequences("state = 'pending' AND published ORDER BY sequence")
        with self.together():
            self._feed(lost)
            for lane, sequence in seen.items():
                self.remember(_published_fact(lane), str(sequence))
        return len(lost)

    def begin_to_feed_everything(self, index_id: str) -> None:
        """Let all documents be fed to this index, by calls of `feed_next`; what was begun for another has ended.

        All includes the removed: the index must know of them, or a message still on its way would bring them back.
        """
        with self.together():
            self.remember(NEXT_INDEX_ID_FACT, index_id)
            self.remember(LEFT_TO_FEED_FACT, str(self._last_sequence))

    def feed_next(self, most: int) -> int:
        """Feed the next documents of everything; return how many, 0 when none are left."""
        # What was fed, or has changed, has a higher sequence since: those left are those up to the highest of then.
        left = self._sequences("sequence <= ? ORDER BY sequence LIMIT ?", self.fact(LEFT_TO_FEED_FACT) or -1, most)
        with self.together():
            self._feed(left)
            if not left and (index_id := self.index_id):
                self.remember(INDEX_ID_FACT, index_id)
                self._file.forget(LEFT_TO_FEED_FACT)
        return len(left)

    def _sequences(self, which: str, *values: Any) -> list[int]:
        rows = self._file.execute(f"SELECT sequence FROM documents WHERE {which}", values)  # noqa: S608
        return [row["sequence"] for row in rows]

    def _feed(self, sequences: Sequence[int]) -> None:
        self._file.executemany(
            f"UPDATE documents SET state = 'pending', change = {FULL_CHANGE}, published = 0, lane = ?, sequence = ? "  # noqa: S608
            "WHERE sequence = ?",
            [(Lane.BULK, self._next_sequence(), sequence) for sequence in sequences],
        )

    def _update(self, document_id: str, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self._file.execute(
            f"UPDATE documents SET {assignments} WHERE document_id = ?",  # noqa: S608  names from this module only
            (*columns.values(), document_id),
        )

    def _next_sequence(self) -> int:
        # Microseconds, so that a new ledger goes on above a lost one; never backwards, whatever the clock does.
        self._last_sequence = max(self._last_sequence + 1, time.time_ns() // 1_000)
        return self._last_sequence

    def _free_id(self, place: Place) -> str:
        salt = 0
        while True:
            document_id = document_id_of(place, salt)
            holder = self._one("SELECT * FROM documents WHERE document_id = ?", document_id)
            if holder is None or not holder.live:
                return document_id
            salt += 1

    def _one(self, query: str, *values: Any) -> LedgerEntry | None:
        row = self._file.execute(query, values).fetchone()
        return entry_of(row) if row else None

    def _all(self, query: str, *values: Any) -> list[LedgerEntry]:
        return [entry_of(row) for row in self._file.execute(query, values)]


def _range(folder: bytes) -> tuple[bytes, bytes]:
    # `0` follows `/`; no path is as long as the last one.
    return (folder + b"/", folder + b"0") if folder else (b"", b"\xff" * 8_192)


def _published_fact(lane: Lane) -> str:
    return f"published.{lane.name.lower()}"
