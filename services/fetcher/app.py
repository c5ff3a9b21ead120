"""The fetcher: files of the inbox become documents.

Start: ledger (locks the data folder), inbox, broker in the background (it waits for Redis), then the watcher, which
needs no Redis: what it finds is in the ledger, and is published when Redis is there. Stop: the same in reverse.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import structlog
from prometheus_client import CollectorRegistry, Gauge
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import Outbox
from services.fetcher.settings import FetcherSettings
from services.fetcher.watcher import Watcher
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentChanged, DocumentFetched, DocumentRejected
from shared.disk_space import DiskSpace
from shared.errors import TransientError
from shared.health import operations_routes
from shared.messaging import StreamBroker
from shared.service import background, consuming
from shared.streams import Stream

log = structlog.get_logger()

#: Settlements in hand at the same time: each is one row of the ledger.
SETTLERS = 64


def _tidy(blobs: FilesystemBlobStore) -> None:
    """Nothing depends on it: a disk that does not take it now is met again when there is something to store."""
    try:
        removed = blobs.remove_leftovers()
    except TransientError as error:
        log.warning("leftovers_kept", error=str(error))
    else:
        if removed:
            log.info("leftovers_removed", files=removed)


@asynccontextmanager
async def fetcher(settings: FetcherSettings) -> AsyncIterator[ASGIApp]:
    """Run the fetcher's parts; yield its HTTP side."""
    registry = CollectorRegistry()
    broker = StreamBroker(settings.redis, consumer=f"fetcher-{settings.replica}", registry=registry)
    async with AsyncExitStack() as parts:
        inbox = Inbox(settings.inbox)
        ledger = parts.enter_context(closing(Ledger(settings.data / "ledger")))
        outbox = Outbox(ledger, inbox.name, registry)
        blobs = FilesystemBlobStore(settings.blobs)
        await asyncio.to_thread(_tidy, blobs)
        librarian = Librarian(inbox, ledger, blobs, outbox, settings.max_file_bytes)
        space = DiskSpace(settings.blobs, settings.data / "ledger")
        free = Gauge("dateline_disk_free_bytes", "Bytes free where blobs and ledger are.", registry=registry)
        free.set_function(space.free)
        watcher = Watcher(
            inbox,
            ledger,
            librarian,
            space.fault,
            settle_seconds=settings.settle_seconds,
            scan_seconds=settings.scan_seconds,
        )
        broker.consume(Stream.SETTLED, librarian.on_document_settled, workers=SETTLERS)
        broker.produce(Stream.FETCHED, DocumentFetched)
        broker.produce(Stream.CHANGED, DocumentChanged)
        broker.produce(Stream.REJECTED, DocumentRejected)
        outbox.connect(await broker.connect())
        await parts.enter_async_context(consuming(broker))
        for work in (outbox.publish, outbox.reconcile, outbox.count, watcher.run):
            await parts.enter_async_context(background(work, name=work.__qualname__))
        checks = {"inbox": watcher.faults, "outbox": outbox.faults}
        yield Starlette(routes=operations_routes("fetcher", broker, checks, registry))
