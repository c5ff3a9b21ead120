"""Files that are no documents but name some: web addresses, and feeds."""

import asyncio
import time
from collections.abc import Callable

import structlog

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.adapters.pages import Again, Pages, place_of
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place, Stamp, readable
from services.fetcher.domain.links import MOST_BYTES, Links, links_in, names_addresses
from services.fetcher.domain.web_address import sort_out
from services.fetcher.handlers import Librarian
from shared.blobs import BlobStore
from shared.contracts import BlobRef
from shared.errors import RejectedDocument

log = structlog.get_logger()

#: Characters of an address that cannot be fetched, by which it is listed.
MOST_LISTED = 1_000


class Lists:
    """Takes files that were read: what names addresses is worked off, anything else is the librarian's.

    All methods raise `TransientError` when the ledger does not take it for now.

    Args:
        asked: is told when there are pages to fetch.
    """

    def __init__(
        self, sightings: Sightings, pages: Pages, librarian: Librarian, blobs: BlobStore, asked: Callable[[], None]
    ) -> None:
        self._sightings = sightings
        self._pages = pages
        self._asked = asked
        self._librarian = librarian
        self._blobs = blobs

    async def on_file_read(self, place: Place, reading: Reading, lane: Lane) -> None:
        """Enter the file as what it is."""
        if reading.content and names_addresses(place.path):
            try:
                links = await asyncio.to_thread(self._links, place, reading.content)
                if links:
                    await self._enter(place, reading, links, lane)
                    return
            except RejectedDocument as refusal:
                reading = Reading(reading.stamp, reading.seen_ns, reason=str(refusal))
        self._sightings.forget_list(place)
        self._librarian.on_file_read(place, reading, lane)

    def _links(self, place: Place, content: BlobRef) -> Links | None:
        if content.size > MOST_BYTES:
            raise RejectedDocument(f"A file of web addresses has at most {MOST_BYTES:,} bytes; split it into several.")
        return links_in(place.path, self._blobs.read(content))

    async def _enter(self, place: Place, reading: Reading, links: Links, lane: Lane) -> None:
        (pages, bad_pages), (feeds, bad_feeds) = await asyncio.to_thread(
            lambda: (sort_out(links.pages), sort_out(links.feeds))
        )
        with self._pages.together():
            self._pages.ask(pages, Again.AFTER_FAILURE)
            self._sightings.enter_list(place, reading.stamp)
            self._pages.name_feeds(place, feeds)
            for url, reason in (*bad_pages, *bad_feeds):
                refused = Reading(Stamp(0, reading.stamp.modified_ns, 0, 0), time.time_ns(), reason=reason)
                self._librarian.on_file_read(place_of(url[:MOST_LISTED]), refused, lane, url=url[:MOST_LISTED])
            self._librarian.on_file_left_out(place)  # it may have been a document before
        self._asked()
        log.info("listed", path=readable(place.path), pages=len(pages), feeds=len(feeds))
