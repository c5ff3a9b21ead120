"""Fetches the pages that were asked for, and polls feeds for more; each page becomes a document of the inbox `web`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.adapters.pages import Again, DuePage, Pages, place_of
from services.fetcher.adapters.web import FetchLater, Page, Validators, Web
from services.fetcher.domain.identity import Stamp
from services.fetcher.domain.links import entries_of
from services.fetcher.domain.web_address import sort_out
from services.fetcher.handlers import Librarian
from shared.blobs import FilesystemBlobStore
from shared.errors import RejectedDocument, TransientError

log = structlog.get_logger()

#: Pages in hand at the same time, each of another host, and feeds.
MOST_PAGES, MOST_FEEDS = 32, 8
#: Tries of a page that cannot be had for now, and seconds before the second one; each next pause is twice as long.
MOST_TRIES, FIRST_PAUSE_SECONDS = 8, 15.0
#: Seconds between two looks for what is due.
LOOK_SECONDS = 1.0
#: Bytes of a feed that are read.
FEED_BYTES = 10 * 2**20


class Crawler:
    """Works off what is due; `run` never ends by itself.

    Args:
        room: says why nothing may be fetched for now, None when it may.
        feed_seconds: between two looks at a feed.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what it fetches, where it goes, and how often
        self,
        pages: Pages,
        web: Web,
        librarian: Librarian,
        blobs: FilesystemBlobStore,
        room: Callable[[], str | None],
        feed_seconds: float,
    ) -> None:
        self._pages = pages
        self._web = web
        self._librarian = librarian
        self._blobs = blobs
        self._room = room
        self._feed_seconds = feed_seconds
        self._hosts: set[str] = set()  # whose pages are in hand
        self._feeds: set[str] = set()
        self._asked = asyncio.Event()

    def wake(self) -> None:
        """Something was asked for."""
        self._asked.set()

    async def run(self) -> None:
        """Fetch, for as long as the service runs."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._asked.clear()
                if not self._room():
                    self._start_due(tasks)
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._asked.wait()
                except TimeoutError:
                    continue

    def _start_due(self, tasks: asyncio.TaskGroup) -> None:
        try:
            for url, validators in self._pages.due_feeds(MOST_FEEDS - len(self._feeds), self._feeds):
                self._start(tasks, self._feeds, url, partial(self._poll, url, validators))
            while due := self._pages.due(MOST_PAGES - len(self._hosts), self._hosts):
                for page in due:
                    if page.host not in self._hosts:
                        self._start(tasks, self._hosts, page.host, partial(self._fetch, page))
        except TransientError as error:
            log.warning("pages_postponed", error=str(error))

    def _start(
        self, tasks: asyncio.TaskGroup, in_hand: set[str], name: str, work: Callable[[], Awaitable[None]]
    ) -> None:
        async def work_and_tell() -> None:
            try:
                await work()
            except TransientError as error:  # the ledger or the blob store: it is due still
                log.warning("page_postponed", name=name, error=str(error))
                await asyncio.sleep(LOOK_SECONDS)
            finally:
                in_hand.discard(name)
                self.wake()

        in_hand.add(name)
        tasks.create_task(work_and_tell())

    async def _fetch(self, due: DuePage) -> None:
        seen_ns = time.time_ns()
        try:
            page = await self._web.fetch(due.url, self._blobs, due.validators)
        except FetchLater as later:
            self._put_off(due, seen_ns, later)
        except RejectedDocument as refusal:
            self._refuse(due.url, seen_ns, str(refusal))
        except TransientError:
            raise
        except Exception as error:  # a bug that this page brings up must not stop all others
            log.exception("page_failed", url=due.url)
            self._put_off(due, seen_ns, FetchLater(f"{type(error).__name__}: {error}"))
        else:
            self._enter(due, seen_ns, page)

    def _put_off(self, due: DuePage, seen_ns: int, later: FetchLater) -> None:
        if due.tries + 1 < MOST_TRIES:
            self._pages.put_off(due.url, max(FIRST_PAUSE_SECONDS * 2**due.tries, later.seconds or 0.0))
            log.info("page_put_off", url=due.url, reason=str(later))
        else:
            self._refuse(due.url, seen_ns, f"It could not be fetched in {MOST_TRIES} tries: {later}.")

    def _enter(self, due: DuePage, seen_ns: int, page: Page | None) -> None:
        with self._pages.together():
            if page:  # else it has not changed since
                stamp = Stamp(page.content.size, modified_ns=seen_ns, changed_ns=0, inode=0)
                reading = Reading(stamp, seen_ns, page.content)
                self._librarian.on_file_read(place_of(due.url), reading, Lane.FRESH, url=due.url)
            self._pages.end(due.url, page.validators if page else due.validators)

    def _refuse(self, url: str, seen_ns: int, reason: str) -> None:
        with self._pages.together():  # a page that is gone from the web stays what it was
            reading = Reading(Stamp(0, modified_ns=seen_ns, changed_ns=0, inode=0), seen_ns, reason=reason)
            self._librarian.on_unreadable(place_of(url), reading, url=url)
            self._pages.end(url, None)
        log.info("page_refused", url=url, reason=reason)

    async def _poll(self, url: str, validators: Validators) -> None:
        # Before it is looked at: a feed that ends this process must not do so again at once.
        self._pages.put_off_feed(url, self._feed_seconds)
        fault = None
        try:
            answer = await self._web.read(url, validators, FEED_BYTES)
            if answer:
                content, address, validators = answer
                entries, _ = await asyncio.to_thread(lambda: sort_out(entries_of(content, address)))
                self._pages.ask(entries, Again.NEVER)
        except (FetchLater, RejectedDocument) as error:
            fault = str(error)
            log.warning("feed_unreadable", url=url, reason=fault)
        except TransientError:
            raise
        except Exception as error:  # as above
            fault = f"{type(error).__name__}: {error}"
            log.exception("feed_failed", url=url)
        self._pages.end_feed(url, validators, fault)
