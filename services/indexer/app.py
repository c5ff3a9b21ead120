"""The indexer: articles become searchable, and are searched.

Start: store, index (rebuilt from the store if it is not complete), group commit, broker in the background (it waits
for Redis; searching does not need it). Stop: the broker finishes what is in hand, then the commits end, then the files
are closed.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.adapters.index_rebuild import IndexRebuild
from services.indexer.adapters.index_recovery import open_index
from services.indexer.adapters.redis_facts import RedisFacts
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from services.indexer.handlers import Indexer
from services.indexer.settings import IndexerSettings
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentRejected, DocumentSettled
from shared.disk_space import DiskSpace
from shared.health import operations_routes
from shared.messaging import Replay, StreamBroker
from shared.service import background, consuming
from shared.streams import Stream

#: Rejected and changed documents in hand at the same time; of parsed ones, as many as a commit takes.
HANDS = 64


@asynccontextmanager
async def indexer(settings: IndexerSettings) -> AsyncIterator[ASGIApp]:
    """Run the indexer's parts; yield its HTTP side."""
    registry = CollectorRegistry()
    broker = StreamBroker(settings.redis, consumer=f"indexer-{settings.replica}", registry=registry)
    async with AsyncExitStack() as parts:
        store = parts.enter_context(closing(SqliteDocumentStore(settings.index)))
        index = parts.enter_context(closing(open_index(settings.index / "tantivy", store)))
        # Half of what the fetcher keeps free: it stops first, and what is on its way can be finished.
        space = DiskSpace(settings.index, part=0.5)
        commits = GroupCommit(
            store,
            index,
            linger_seconds=settings.commit_linger_seconds,
            batch=settings.commit_batch,
            room=space.fault,
        )
        blobs = FilesystemBlobStore(settings.blobs)
        handlers = Indexer(commits, blobs)
        broker.consume(Stream.PARSED, handlers.on_document_parsed, workers=settings.commit_batch)
        broker.consume(Stream.CHANGED, handlers.on_document_changed, workers=HANDS)
        broker.consume(Stream.REJECTED, handlers.on_document_rejected, workers=HANDS, quarantine=False)
        broker.produce(Stream.SETTLED, DocumentSettled)
        broker.produce(Stream.REJECTED, DocumentRejected)
        client = await broker.connect()
        facts = RedisFacts(client, lambda: store.index_id)
        rebuild = IndexRebuild(store, commits, facts.counts)
        commits.start()
        parts.push_async_callback(commits.stop)
        await parts.enter_async_context(consuming(broker))
        await parts.enter_async_context(background(facts.announce, name="announce"))
        await parts.enter_async_context(background(rebuild.run, name="rebuild"))
        needs = Dependencies(store, index, blobs, rebuild, facts.counts, facts.ignored, Replay(client))
        yield create_api(needs, operations_routes("indexer", broker, {"commits": commits.faults}, registry))
