"""What the indexer does about what happened to a document: keep it, and say in which state it is.

Every handler returns the `DocumentSettled` that goes out with the acknowledgement, and nothing where there is nothing
to settle: the event came late, or it tells of a document that this index does not have. The latter happens only to an
index that was lost; the fetcher sees that it is a new one and feeds it everything, so that a guess would do harm.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.indexer.adapters.group_commit import Change, GroupCommit
from services.indexer.domain.documents import DocumentRecord
from shared.blobs import BlobStore
from shared.claim_check import check_out
from shared.contracts import (
    DocumentDuplicated,
    DocumentMoved,
    DocumentParsed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSettled,
    Event,
    ParsedDocument,
)
from shared.messaging import AttemptHere, attempt_here, traced
from shared.streams import Stream


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Indexer:
    """Applies events to the documents; each is settled once it is durable and searchable.

    Every handler raises `TransientError` when the disk or the blob store is away for now.
    """

    def __init__(self, commits: GroupCommit, blobs: BlobStore, now: Callable[[], datetime] = utc_now) -> None:
        self._commits = commits
        self._blobs = blobs
        self._now = now

    async def on_document_parsed(self, event: DocumentParsed) -> Sequence[Event]:
        """Index the document, in place of whatever was known of it."""
        parsed = await asyncio.to_thread(check_out, event.parsed, self._blobs)
        here = attempt_here()
        return await self._settle(event, lambda _: self._indexed(event, parsed, here))

    async def on_document_changed(self, event: DocumentMoved | DocumentRemoved | DocumentDuplicated) -> Sequence[Event]:
        """Note the new path, that the file is gone, or that another file has the same bytes."""
        match event:
            case DocumentMoved():
                return await self._settle(event, lambda known: _moved(event, known))
            case DocumentRemoved():
                return await self._settle(event, lambda _: _removed(event))
            case DocumentDuplicated():
                here = attempt_here()
                return await self._settle(event, lambda _: _duplicate(event, here))

    async def on_document_rejected(self, event: DocumentRejected) -> Sequence[Event]:
        """Keep the rejection, with all that a replay needs; it is never trimmed."""
        return await self._settle(event, lambda known: _rejected(event, known))

    async def _settle(self, event: Event, change: Change) -> Sequence[Event]:
        record = await self._commits.apply(event.document_id, event.sequence, change)
        if record is None or record.sequence != event.sequence:
            return ()
        reason = record.rejection.reason if record.rejection else None
        settled = DocumentSettled(
            document_id=event.document_id, sequence=event.sequence, state=record.state, reason=reason
        )
        return (settled,)

    def _indexed(self, event: DocumentParsed, parsed: ParsedDocument, here: AttemptHere | None) -> DocumentRecord:
        return DocumentRecord(
            document_id=event.document_id,
            sequence=event.sequence,
            state="indexed",
            source=event.source,
            content=event.content,
            modified=event.modified,
            times=event.times.model_copy(update={"indexed": self._now()}),
            trace=traced(event.trace, here),
            parser_version=event.parser_version,
            parsed=parsed,
        )


def _moved(event: DocumentMoved, known: DocumentRecord | None) -> DocumentRecord | None:
    if known is None or known.state == "removed":
        return None
    moved = known.model_copy(update={"sequence": event.sequence, "source": event.source})
    if moved.parsed and moved.state == "rejected":  # an earlier try of this was
        moved = moved.model_copy(update={"state": "indexed", "rejection": None})
    return moved


def _removed(event: DocumentRemoved) -> DocumentRecord:
    return DocumentRecord(document_id=event.document_id, sequence=event.sequence, state="removed", source=event.source)


def _duplicate(event: DocumentDuplicated, here: AttemptHere | None) -> DocumentRecord:
    return DocumentRecord(
        document_id=event.document_id,
        sequence=event.sequence,
        state="duplicate",
        source=event.source,
        content=event.content,
        times=event.times,
        trace=traced(event.trace, here),
        duplicate_of=event.duplicate_of,
    )


def _tells_of_the_same(event: DocumentRejected, known: DocumentRecord) -> bool:
    if known.sequence == event.sequence:
        return True
    bytes_read = known.content and event.content and known.content.sha256 == event.content.sha256
    return bool(bytes_read) and event.stage == "parser"


def _rejected(event: DocumentRejected, known: DocumentRecord | None) -> DocumentRecord:
    if known and known.state == "indexed" and _tells_of_the_same(event, known):
        # Three workers died over it, the last ones after it was committed; or over bytes that were read before, and
        # came once more because Redis had lost them. What was read of them is still true, and stays.
        return known.model_copy(update={"sequence": event.sequence})
    # An event that could not be applied may say little; what was known of the document is still true. A change that
    # could not be applied leaves the text as it was, for the replay.
    unchanged = known if event.stream == Stream.CHANGED else None
    return DocumentRecord(
        document_id=event.document_id,
        sequence=event.sequence,
        state="rejected",
        source=event.source or (known.source if known else None),
        content=event.content or (known.content if known else None),
        times=event.times or (known.times if known else None),
        trace=event.trace,
        modified=unchanged.modified if unchanged else None,
        parser_version=unchanged.parser_version if unchanged else None,
        parsed=unchanged.parsed if unchanged else None,
        rejection=event,
    )
