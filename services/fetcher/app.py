"""The fetcher: files of the inboxes become documents.

Start: ledger (locks the data folder), inboxes, broker in the background (it waits for Redis), then the watchers, which
need no Redis: what they find is in the ledger, and is published when Redis is there. Stop: the same in reverse.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import ASGIApp

from services.fetcher.accounts import Accounts
from services.fetcher.adapters.folder_events import FolderEvents, events_of
from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.mounts import unheard_beneath
from services.fetcher.adapters.pages import Pages
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.adapters.web import Limits, Web
from services.fetcher.adapters.writers import mind_leases
from services.fetcher.api.dependencies import Dependencies
from services.fetcher.api.http import create_api
from services.fetcher.crawler import Crawler
from services.fetcher.domain.identity import Place, readable
from services.fetcher.handlers import Librarian
from services.fetcher.lists import Lists
from services.fetcher.outbox import Outbox
from services.fetcher.retired import RetiredInboxes
from services.fetcher.settings import RESERVED, FetcherSettings
from services.fetcher.uploads import Uploads
from services.fetcher.watched import WatchedFolder
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


@asynccontextmanager
async def fetcher(settings: FetcherSettings) -> AsyncIterator[ASGIApp]:
    """Run the fetcher's parts; yield its HTTP side."""
    registry = CollectorRegistry()
    broker = StreamBroker(settings.redis, consumer=f"fetcher-{settings.replica}", registry=registry)
    async with AsyncExitStack() as parts:
        inboxes = {name: Inbox(folder, name) for name, folder in settings.inboxes.items()}
        file = parts.enter_context(closing(LedgerFile(settings.data / "ledger")))
        ledger, sightings = Ledger(file), Sightings(file)
        outbox = Outbox(ledger)
        blobs = FilesystemBlobStore(settings.blobs)
        await asyncio.to_thread(_tidy, blobs)
        librarian = Librarian(ledger, outbox, _is_gone_from(inboxes), keep=settings.on_delete == "keep")
        space = DiskSpace(settings.blobs, settings.data / "ledger")
        free = Gauge("dateline_disk_free_bytes", "Bytes free where blobs and ledger are.", registry=registry)
        free.set_function(space.free)
        mind_leases()
        pages = Pages(file)
        limits = Limits(settings.max_file_bytes, pause_seconds=settings.web_pause_seconds)
        web = Web(limits, settings.networks, settings.web_user_agent)
        parts.push_async_callback(web.close)
        crawler = Crawler(pages, web, librarian, blobs, space.fault, settings.feed_seconds)
        lists = Lists(sightings, pages, librarian, blobs, crawler.wake)
        found = partial(
            WatchedFolder, ledger=ledger, sightings=sightings, librarian=librarian, lists=lists, blobs=blobs
        )
        watchers = _watchers(inboxes, partial(found, room=space.fault, settings=settings), settings)
        ways_in = {*inboxes, *RESERVED}
        retired = RetiredInboxes(ledger, sightings, librarian, ways_in, lambda: _all_read(watchers, sightings))
        accounts = Accounts(ledger, sightings, pages, lambda: sum(map(len, watchers)), registry)
        broker.consume(Stream.SETTLED, librarian.on_document_settled, workers=SETTLERS)
        broker.produce(Stream.FETCHED, DocumentFetched)
        broker.produce(Stream.CHANGED, DocumentChanged)
        broker.produce(Stream.REJECTED, DocumentRejected)
        client = await broker.connect()
        outbox.connect(client)
        accounts.connect(client)
        await parts.enter_async_context(consuming(broker))
        works = (outbox.publish, outbox.reconcile, accounts.publish, crawler.run, retired.clear)
        for work in (*works, *(watcher.run for watcher in watchers)):
            await parts.enter_async_context(background(work, name=work.__qualname__))
        checks = {"inbox": lambda: [f for watcher in watchers for f in watcher.faults()], "outbox": outbox.faults}
        needs = Dependencies(blobs, Uploads(file, ledger, librarian), pages, crawler.wake, settings.max_file_bytes)
        yield create_api(needs, operations_routes("fetcher", broker, checks, registry))


def _watchers(
    inboxes: Mapping[str, Inbox], folder: Callable[..., WatchedFolder], settings: FetcherSettings
) -> list[Watcher]:
    told = {inbox: _events(inbox, settings) for inbox in inboxes.values()}
    polled = any(events.fault() or unheard for events, unheard in told.values())
    about = {"move_seconds": settings.move_seconds(polled=polled)}
    return [Watcher(folder(inbox=i, events=e, unheard=u, **about)) for i, (e, u) in told.items()]


def _events(inbox: Inbox, settings: FetcherSettings) -> tuple[FolderEvents, tuple[bytes, ...]]:
    """Return what tells of the inbox, and the folders in it whose changes are not told."""
    unheard = unheard_beneath(inbox.root) if settings.watch == "auto" else {}
    events = events_of(inbox.root, settings.watch, unheard.pop(b"", None))
    log.info("watching", inbox=inbox.name, by=type(events).__name__, polled=sorted(map(readable, unheard)))
    return events, tuple(unheard)


def _is_gone_from(inboxes: Mapping[str, Inbox]) -> Callable[[Place], bool]:
    """What came by other ways has no file that could be gone; an inbox that is not set up has none left."""

    def is_gone(place: Place) -> bool:
        if place.inbox in RESERVED:
            return False
        return place.inbox not in inboxes or inboxes[place.inbox].is_gone(place.path)

    return is_gone


def _all_read(watchers: Sequence[Watcher], sightings: Sightings) -> bool:
    return not sightings.found and all(watcher.has_read_all for watcher in watchers)


def _tidy(blobs: FilesystemBlobStore) -> None:
    """Nothing depends on it: a disk that does not take it now is met again when there is something to store."""
    try:
        removed = blobs.remove_leftovers()
    except TransientError as error:
        log.warning("leftovers_kept", error=str(error))
    else:
        if removed:
            log.info("leftovers_removed", files=removed)
