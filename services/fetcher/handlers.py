"""What the fetcher does about a file, and about a document that was settled."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import structlog

from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import Change, Ledger, LedgerEntry
from services.fetcher.domain.identity import Stamp, readable
from services.fetcher.outbox import Outbox
from shared.blobs import BlobStore
from shared.contracts import BlobRef, DocumentSettled, Event
from shared.errors import RejectedDocument

log = structlog.get_logger()


class Librarian:
    """Enters into the ledger what happens to the files of one inbox."""

    def __init__(self, inbox: Inbox, ledger: Ledger, blobs: BlobStore, outbox: Outbox, max_bytes: int) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._blobs = blobs
        self._outbox = outbox
        self._max_bytes = max_bytes

    def is_known(self, path: bytes, stamp: Stamp) -> bool:
        """Whether the file was entered with this very stamp: it need not be read."""
        entry = self._ledger.at(path)
        return entry is not None and entry.stamp == stamp

    async def on_file_settled(self, path: bytes, stamp: Stamp) -> None:
        """Read the file and enter what it is: new, edited, moved, a duplicate, or not readable.

        Raises:
            FileNotFoundError, FileChanged: look again later.
            TransientError: the blob store or the ledger does not take it for now.
        """
        seen = datetime.now(UTC)
        try:
            content, stamp = await asyncio.to_thread(self._inbox.fetch, path, self._blobs, self._max_bytes)
        except RejectedDocument as error:
            with self._ledger.together():
                self._reject(path, stamp, seen, str(error))
        else:
            with self._ledger.together():
                self._enter(path, stamp, seen, content)
        entry = self._ledger.at(path)
        if entry:
            log.info("entered", document_id=entry.document_id, path=readable(path), change=entry.change)
        self._outbox.wake()

    def on_file_gone(self, path: bytes) -> None:
        """The file is not there any more: its document is removed, a duplicate takes its place.

        Raises:
            TransientError: the ledger does not take it for now.
        """
        entry = self._ledger.at(path)
        if entry:
            with self._ledger.together():
                self._ledger.change(entry.document_id, "removed", live=0, duplicate_of=None)
                self._promote_duplicate(entry)
            log.info("entered", document_id=entry.document_id, path=readable(path), change="removed")
            self._outbox.wake()

    async def on_document_settled(self, event: DocumentSettled) -> Sequence[Event]:
        """The indexer is done with the document's last change, or with an earlier one."""
        if self._ledger.settle(event.document_id, event.sequence, event.state):
            log.info("settled", state=event.state)
        return ()

    def _reject(self, path: bytes, stamp: Stamp, seen: datetime, reason: str) -> None:
        entry = self._ledger.at(path)
        facts = {"content_hash": None, "duplicate_of": None, "reason": reason}
        if entry is None:
            self._ledger.add(path, stamp, "rejected", seen, **facts)
        elif entry.reason == reason:
            self._ledger.touch(entry.document_id, stamp)
        else:
            self._change(entry, stamp, "rejected", **facts)
            self._promote_duplicate(entry)

    def _enter(self, path: bytes, stamp: Stamp, seen: datetime, content: BlobRef) -> None:
        entry = self._ledger.at(path)
        if entry and entry.content_hash == content.sha256:
            self._ledger.touch(entry.document_id, stamp)
            return
        holders = [h for h in self._ledger.holding(content.sha256) if h != entry]
        moved = next((h for h in holders if self._inbox.status(h.path) is None), None)
        if entry is None and moved:
            self._move(moved, path, stamp)
            return
        original = next((h for h in holders if not h.duplicate_of), None)
        change: Change = "duplicated" if original else "fetched"
        facts = {
            "content_hash": content.sha256,
            "duplicate_of": original.document_id if original else None,
            "reason": None,
        }
        if entry is None:
            self._ledger.add(path, stamp, change, seen, **facts)
        else:
            self._change(entry, stamp, change, **facts)
            self._promote_duplicate(entry)

    def _change(self, entry: LedgerEntry, stamp: Stamp, change: Change, **facts: str | None) -> None:
        self._ledger.change(entry.document_id, change, **asdict(stamp), **facts)

    def _move(self, entry: LedgerEntry, path: bytes, stamp: Stamp) -> None:
        # Before it is settled the whole event has to be told again: a move says nothing of the content.
        change: Change = "moved" if entry.state != "pending" or entry.change == "moved" else entry.change
        self._ledger.change(entry.document_id, change, path=path, **asdict(stamp))

    def _promote_duplicate(self, entry: LedgerEntry) -> None:
        """The document's bytes are gone: its oldest duplicate becomes the original of the others."""
        if entry.content_hash is None or entry.duplicate_of:
            return
        duplicates = [h for h in self._ledger.holding(entry.content_hash) if h.duplicate_of == entry.document_id]
        for duplicate in duplicates[:1]:
            self._ledger.change(duplicate.document_id, "fetched", duplicate_of=None)
        for duplicate in duplicates[1:]:
            self._ledger.change(duplicate.document_id, "duplicated", duplicate_of=duplicates[0].document_id)
