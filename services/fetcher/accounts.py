"""Keeps the fetcher's figures where others read them: how many documents are in which state, what is still to do."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.pages import Pages
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.progress import ProgressMeter
from shared.contracts import LedgerCounts
from shared.errors import TransientError
from shared.messaging import Intake
from shared.streams import LEDGER_COUNTS_KEY, LEDGER_IGNORED_KEY

#: Seconds between two counts while things change: as often as the page shows them.
COUNT_SECONDS = 0.2
#: The same while nothing happens.
QUIET_SECONDS = 1.0
#: Seconds after which counts are written again though nothing changed, so that a wiped Redis shows them soon.
RECOUNT_SECONDS = 2.0


class Accounts:
    """The figures.

    Args:
        waiting: how many files wait in memory to be looked at.
    """

    def __init__(
        self,
        ledger: Ledger,
        sightings: Sightings,
        pages: Pages,
        waiting: Callable[[], int],
        registry: CollectorRegistry,
    ) -> None:
        self._ledger = ledger
        self._pages = pages
        self._sightings = sightings
        self._waiting = waiting
        self._progress = ProgressMeter()
        self._states = Gauge("dateline_documents", "Documents by state.", ["state"], registry=registry)
        found = Gauge("dateline_files_found", "Files that wait to be read.", registry=registry)
        found.set_function(self._found)
        ignored = Gauge("dateline_files_ignored", "Files and folders the rules leave out.", registry=registry)
        ignored.set_function(lambda: sightings.ignored)

    def connect(self, client: Redis) -> None:
        """Use this client from now on."""
        self._client = client
        self._intake = Intake(client)

    async def publish(self) -> None:
        """Keep what others read up to date, for as long as the service runs."""
        last: LedgerCounts | None = None
        stirred, counted = None, 0.0
        while True:
            before, stirred = stirred, self._stir()
            if stirred == before and time.monotonic() - counted < QUIET_SECONDS and not (last and _is_busy(last)):
                await asyncio.sleep(COUNT_SECONDS)
                continue
            counted = time.monotonic()
            with contextlib.suppress(TransientError, RedisError):
                counts = await self._count()
                self._show(counts)
                if last is None or _differ(counts, last):
                    await self._client.set(LEDGER_COUNTS_KEY, counts.model_dump_json())
                    if last is None or counts.ignored != last.ignored or _is_old(counts, last):
                        ignored = self._sightings.newest_ignored()
                        await self._client.set(LEDGER_IGNORED_KEY, ignored.model_dump_json())
                    last = counts
            await asyncio.sleep(COUNT_SECONDS)

    def _stir(self) -> tuple[int, ...]:
        """Return what changes when something happens."""
        return (self._ledger.last_sequence, self._ledger.settled, self._found(), self._sightings.ignored)

    async def _count(self) -> LedgerCounts:
        backlog = await self._intake.backlog()
        found = self._found()
        counts = self._ledger.counts(backlog)
        left = found + self._pages.waiting + counts.in_flight.total
        progress = self._progress.look(left, self._ledger.settled, time.monotonic(), datetime.now(UTC))
        facts = {"found": found, "pages": self._pages.waiting, "ignored": self._sightings.ignored, "progress": progress}
        return counts.model_copy(update=facts)

    def _found(self) -> int:
        return self._sightings.found + self._waiting()

    def _show(self, counts: LedgerCounts) -> None:
        states = {"indexed": counts.indexed, "duplicate": counts.duplicate, "rejected": counts.rejected}
        for state, n in {**states, "removed": counts.removed, "in_flight": counts.in_flight.total}.items():
            self._states.labels(state).set(n)


def _is_busy(counts: LedgerCounts) -> bool:
    return bool(counts.in_flight.total or counts.pages or counts.progress)


def _is_old(counts: LedgerCounts, last: LedgerCounts) -> bool:
    return (counts.counted - last.counted).total_seconds() > RECOUNT_SECONDS


def _differ(counts: LedgerCounts, last: LedgerCounts) -> bool:
    return _is_old(counts, last) or counts.model_copy(update={"counted": last.counted}) != last
