"""What the parser does about a fetched document."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.parser.pipeline import PARSER_VERSION
from services.parser.sandbox import Sandbox
from shared.blobs import BlobStore
from shared.claim_check import check_in
from shared.contracts import DocumentFetched, DocumentParsed, Event
from shared.messaging import attempt_here, traced

log = structlog.get_logger()


class Parser:
    """Parses documents in the sandbox."""

    def __init__(self, sandbox: Sandbox, blobs: BlobStore) -> None:
        self._sandbox = sandbox
        self._blobs = blobs

    async def on_document_fetched(self, event: DocumentFetched) -> Sequence[Event]:
        """Make the article of it.

        Raises:
            RejectedDocument: it is not something that can be read; says why.
            TransientError: its bytes are not there for now, or the result cannot be stored.
        """
        parsed = await self._sandbox.parse(self._blobs.path(event.content).resolve(), event.source.path)
        log.info("parsed", extractor=parsed.extractor, characters=len(parsed.body), cut=len(parsed.cut))
        claim = await asyncio.to_thread(check_in, parsed, self._blobs)
        done = DocumentParsed(
            document_id=event.document_id,
            sequence=event.sequence,
            source=event.source,
            content=event.content.model_copy(update={"media_type": parsed.media_type}),
            modified=event.modified,
            times=event.times.model_copy(update={"parsed": datetime.now(UTC)}),
            parser_version=PARSER_VERSION,
            parsed=claim,
            trace=traced(event.trace, attempt_here()),
        )
        return [done]
