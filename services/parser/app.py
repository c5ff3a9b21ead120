"""The parser: bytes become articles.

Start: the sandbox (its children load the libraries), then the broker in the background. Stop: the broker finishes what
is in hand and gives back the rest, then the children end.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.parser.handlers import Parser
from services.parser.sandbox import Sandbox
from services.parser.settings import ParserSettings
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentParsed, DocumentRejected
from shared.health import operations_routes
from shared.messaging import HUNG_SECONDS, StreamBroker
from shared.service import consuming
from shared.streams import Stream


@asynccontextmanager
async def parser(settings: ParserSettings) -> AsyncIterator[ASGIApp]:
    """Run the parser's parts; yield its HTTP side."""
    registry = CollectorRegistry()
    broker = StreamBroker(
        settings.redis,
        consumer=f"parser-{settings.replica}",
        registry=registry,
        hung_seconds=max(HUNG_SECONDS, 3 * settings.parse_seconds),  # it may wait for a child that takes as long
    )
    sandbox = Sandbox(settings.parser_workers, settings.parse_seconds, settings.parse_memory_bytes)
    handlers = Parser(sandbox, FilesystemBlobStore(settings.blobs))
    # One more in hand than there are children, so that a child never waits for the next message.
    workers = settings.parser_workers + 1
    broker.consume(Stream.FETCHED, handlers.on_document_fetched, workers=workers, downstream=Stream.PARSED)
    broker.produce(Stream.PARSED, DocumentParsed)
    broker.produce(Stream.REJECTED, DocumentRejected)
    async with AsyncExitStack() as parts:
        await sandbox.start()
        parts.push_async_callback(sandbox.stop)
        await parts.enter_async_context(consuming(broker))
        checks = {"sandbox": lambda: [] if sandbox.ready() else ["no child is ready to parse"]}
        yield Starlette(routes=operations_routes("parser", broker, checks, registry))
