"""What the fetcher enters into the ledger: what became of a file, and of a document that was settled."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import structlog

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Change, Lane, LedgerEntry
from services.fetcher.domain.identity import Place, Stamp, readable
from services.fetcher.outbox import Outbox
from shared.contracts import BlobRef, DocumentSettled, Event

log = structlog.get_logger()

#: Of the duplicates of a document, those looked at for one that has moved, beside those of the same inode: each look
#: takes 50 µs, and whoever has more copies gets a new document for one that came from another disk.
MOST_MOVED = 8
#: Duplicates that are told of their new original when theirs is edited: telling all of 100,000 would take many seconds.
MOST_RETOLD = 100


class Librarian:
    """Enters what happens to documents.

    All methods raise `TransientError` when the ledger does not take it for now.

    Args:
        is_gone: whether no file lies at a place any more.
        keep: whether a document stays when its file is deleted.
    """

    def __init__(self, ledger: Ledger, outbox: Outbox, is_gone: Callable[[Place], bool], *, keep: bool = False) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._is_gone = is_gone
        self._keep = keep

    def on_file_read(self, place: Place, reading: Reading, lane: Lane = Lane.FRESH, url: str | None = None) -> None:
        """Enter what the file is: new, edited, moved, a duplicate, or not readable."""
        with self._ledger.together():
            if reading.content:
                self._enter(place, reading, reading.content, lane, url)
            else:
                self._reject(place, reading, lane, url)
        self._tell(place)

    def on_unreadable(self, place: Place, reading: Reading, url: str | None = None) -> None:
        """It cannot be had: bytes that were read before stay; where there are none, the reason is told."""
        known = self._ledger.at(place)
        if not (known and known.content_hash):
            self.on_file_read(place, reading, url=url)

    def on_folder_refused(self, place: Place, stamp: Stamp, reason: str) -> None:
        """The folder cannot be gone into: what lies in it is not known, and that is told."""
        self.on_file_read(place, Reading(stamp, time.time_ns(), reason=reason))

    def on_file_gone(self, place: Place) -> None:
        """The file is not there any more: its document is removed, unless it is to be kept, or lies elsewhere, too."""
        entry = self._ledger.at(place)
        if entry is None or entry.kept:
            return
        if self._keep and entry.content_hash and not entry.duplicate_of and not self._heir(entry):
            self._ledger.keep(entry.document_id)
            log.info("kept", document_id=entry.document_id, path=readable(place.path))
            return
        self._remove(entry)

    def on_file_left_out(self, place: Place) -> None:
        """A rule leaves the file out by now: its document is removed."""
        if entry := self._ledger.at(place):
            self._remove(entry)

    async def on_document_settled(self, event: DocumentSettled) -> Sequence[Event]:
        """The indexer is done with the document's last change, or with an earlier one."""
        if self._ledger.settle(event.document_id, event.sequence, event.state):
            log.info("settled", state=event.state)
        return ()

    def _tell(self, place: Place) -> None:
        entry = self._ledger.at(place)
        if entry:
            log.info("entered", document_id=entry.document_id, path=readable(place.path), change=entry.change)
        self._outbox.wake()

    def _reject(self, place: Place, reading: Reading, lane: Lane, url: str | None) -> None:
        entry = self._ledger.at(place)
        facts = {"content_hash": None, "duplicate_of": None, "reason": reading.reason, **_seen(reading)}
        if entry is None:
            self._ledger.add(place, reading.stamp, "rejected", lane, _seen_at(reading), url=url, **facts)
        elif entry.reason == reading.reason:
            self._ledger.touch(entry.document_id, reading.stamp, reading.seen_ns)
        else:
            self._change(entry, reading.stamp, "rejected", lane, **facts)

    def _enter(self, place: Place, reading: Reading, content: BlobRef, lane: Lane, url: str | None) -> None:
        entry = self._ledger.at(place)
        if entry and entry.content_hash == content.sha256:
            self._ledger.touch(entry.document_id, reading.stamp, reading.seen_ns)
            return
        original = self._ledger.original(content.sha256)
        moved = self._moved(original, reading.stamp) if original and entry is None else None
        if moved:
            self._move(moved, place, reading.stamp, url)
            return
        change: Change = "duplicated" if original else "fetched"
        duplicate_of = original.document_id if original else None
        facts = {"content_hash": content.sha256, "duplicate_of": duplicate_of, "reason": None, **_seen(reading)}
        if entry is None:
            self._ledger.add(place, reading.stamp, change, lane, _seen_at(reading), url=url, **facts)
        else:
            self._change(entry, reading.stamp, change, lane, **facts)

    def _change(self, entry: LedgerEntry, stamp: Stamp, change: Change, lane: Lane, **facts: Any) -> None:
        """The document has other bytes by now: its oldest duplicate becomes the original of the others."""
        facts |= {"kept": 0, **asdict(stamp)}
        heir, *others = self._ledger.duplicates(entry.document_id, MOST_RETOLD + 1) or (None,)
        if heir and len(others) >= MOST_RETOLD:
            self._exchange(entry, heir, change, lane, **facts)
            return
        self._ledger.change(entry.document_id, change, lane, **facts)
        if heir:
            self._ledger.change(heir.document_id, "fetched", duplicate_of=None)
            for other in others:
                self._ledger.change(other.document_id, "duplicated", duplicate_of=heir.document_id)

    def _exchange(self, entry: LedgerEntry, heir: LedgerEntry, change: Change, lane: Lane, **facts: Any) -> None:
        """The document stays with its bytes, at its duplicate's place, and the duplicate becomes what lies at its own.

        As if the file had been removed and written anew: so nothing is to be told of the other duplicates.
        """
        self._ledger.change(heir.document_id, "removed", live=0)  # one document a place
        self._move(entry, heir.place, heir.stamp, heir.url)
        here = {"live": 1, "url": entry.url, **entry.place._asdict()}
        self._ledger.change(heir.document_id, change, lane, **here, **facts)

    def _moved(self, original: LedgerEntry, stamp: Stamp) -> LedgerEntry | None:
        """Return the document that holds the same bytes and whose own file is gone, if there seems to be one."""
        same_file = self._ledger.duplicates_of_inode(original, stamp.inode, MOST_MOVED)
        others = self._ledger.duplicates(original.document_id, MOST_MOVED)
        # Moved on its disk, a file keeps its inode: of many copies that move at once, each one keeps its document.
        likely = sorted([*same_file, original, *others], key=lambda entry: entry.stamp.inode != stamp.inode)
        return next((entry for entry in likely if entry.kept or self._is_gone(entry.place)), None)

    def _move(self, entry: LedgerEntry, place: Place, stamp: Stamp, url: str | None) -> None:
        # A move says nothing of the content: before that is settled, or while a new index is fed, all is told again.
        settled = entry.state != "pending" or entry.change == "moved"
        whole: Change = "duplicated" if entry.duplicate_of else "fetched"
        change: Change = "moved" if settled and not self._ledger.is_feeding else whole
        self._ledger.change(entry.document_id, change, kept=0, url=url, **place._asdict(), **asdict(stamp))

    def _remove(self, entry: LedgerEntry) -> None:
        heir = self._heir(entry)
        gone = heir or entry
        with self._ledger.together():
            self._ledger.change(gone.document_id, "removed", live=0, kept=0, duplicate_of=None)
            if heir:  # the document is still there, at the place of its duplicate
                self._move(entry, heir.place, heir.stamp, heir.url)
        log.info("entered", document_id=gone.document_id, path=readable(entry.place.path), change="removed")
        self._outbox.wake()

    def _heir(self, entry: LedgerEntry) -> LedgerEntry | None:
        return next(iter(self._ledger.duplicates(entry.document_id, 1)), None)


def _seen(reading: Reading) -> dict[str, Any]:
    return {"seen_ns": reading.seen_ns}


def _seen_at(reading: Reading) -> datetime:
    return datetime.fromtimestamp(reading.seen_ns / 1e9, UTC)
