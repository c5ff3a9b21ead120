"""Inboxes that are not set up any more: what lies in them under another name moves there, the rest goes."""

import asyncio
from collections.abc import Callable, Collection

import structlog

from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place
from services.fetcher.handlers import Librarian
from shared.errors import TransientError

log = structlog.get_logger()

#: Seconds between two looks whether all that lies in the other inboxes has been read.
LOOK_SECONDS = 1.0
#: Documents that go at a time, between which others get their turn.
STEP = 200


class RetiredInboxes:
    """Those of the ledger's inboxes that have none of these names.

    Args:
        known: inboxes that are set up, and other ways in.
        all_read: whether all that lies in the inboxes that are set up has been read.
    """

    def __init__(
        self,
        ledger: Ledger,
        sightings: Sightings,
        librarian: Librarian,
        known: Collection[str],
        all_read: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._sightings = sightings
        self._librarian = librarian
        self._known = known
        self._all_read = all_read

    async def clear(self) -> None:
        """Let their documents go, once each had its chance to be found elsewhere."""
        while not self._all_read():  # noqa: ASYNC110  an event would have to tell of each file
            await asyncio.sleep(LOOK_SECONDS)
        for name in set(self._ledger.inboxes()) - set(self._known):
            while True:
                try:
                    await self._clear(name)
                    break
                except TransientError as error:
                    log.warning("retired_inbox_postponed", inbox=name, error=str(error))
                    await asyncio.sleep(LOOK_SECONDS)

    async def _clear(self, name: str) -> None:
        log.warning("inbox_retired", inbox=name, documents=self._ledger.files(Place(name, b"")))
        self._sightings.forget_inbox(name)
        after = b""
        while paths := self._ledger.paths(Place(name, b""), after, STEP):
            for path in paths:
                self._librarian.on_file_gone(Place(name, path))
            after = paths[-1]
            await asyncio.sleep(0)
