"""Publishes the ledger's changes, and feeds them again when Redis or the index has lost them.

A change is committed to the ledger first and published after, in order, so a crash between the two publishes late
but never nothing (pattern: transactional outbox, Richardson, Microservices Patterns, ch. 3).
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.fetcher.adapters.ledger import INDEX_ID_FACT, Ledger, LedgerEntry
from services.fetcher.domain.identity import readable
from shared.contracts import (
    Attempt,
    BlobRef,
    DocumentDuplicated,
    DocumentFetched,
    DocumentMoved,
    DocumentRejected,
    DocumentRemoved,
    Event,
    LedgerCounts,
    Source,
    StageTimes,
)
from shared.errors import TransientError
from shared.messaging import Intake
from shared.messaging.backoff import Backoff
from shared.streams import INDEX_ID_KEY, LEDGER_COUNTS_KEY

log = structlog.get_logger()

#: Events published in one step.
BATCH = 200
#: Seconds between two looks whether Redis and the index still have everything.
RECONCILE_SECONDS = 2.0
#: Seconds between two counts while things change: as often as the page shows them.
COUNT_SECONDS = 0.2
#: Seconds after which counts are written again though nothing changed, so that a wiped Redis shows them soon.
RECOUNT_SECONDS = 2.0


class Outbox:
    """The ledger's way to the streams."""

    def __init__(self, ledger: Ledger, inbox_name: str, registry: CollectorRegistry) -> None:
        self._ledger = ledger
        self._inbox_name = inbox_name
        self._changed = asyncio.Event()
        self._states = Gauge("dateline_documents", "Documents by state.", ["state"], registry=registry)
        self._lost_since: int | None = None
        self.fault: str | None = "not connected to Redis yet"

    def connect(self, client: Redis) -> None:
        """Use this client from now on."""
        self._client = client
        self._intake = Intake(client)

    def wake(self) -> None:
        """The ledger has changed."""
        self._changed.set()

    def faults(self) -> list[str]:
        """Return what keeps changes from being published."""
        return [self.fault] if self.fault else []

    async def publish(self) -> None:
        """Publish what is unpublished, for as long as the service runs; stop while the streams are full."""
        backoff = Backoff()
        while True:
            try:
                published = await self._publish_batch()
            except TransientError as error:
                self.fault = str(error)
                await backoff.wait()
            else:
                self.fault = None
                backoff.reset()
                if not published:
                    await self._wait_for_change()

    async def _publish_batch(self) -> int:
        entries = self._ledger.unpublished(BATCH)
        if not entries:
            return 0
        if not await self._intake.has_memory():
            raise TransientError("Redis is nearly full: documents wait in the ledger until there is room")
        if not await self._intake.has_room():
            await asyncio.sleep(COUNT_SECONDS)
            return len(entries)
        await self._intake.publish([self._event(entry) for entry in entries])
        self._ledger.mark_published([entry.sequence for entry in entries])
        return len(entries)

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._changed.wait()
        self._changed.clear()

    def _event(self, entry: LedgerEntry) -> Event:
        source = Source(inbox=self._inbox_name, path=readable(entry.path))
        times = StageTimes(accepted=entry.accepted, fetched=entry.fetched)
        fetch = Attempt(stage="fetcher", number=1, outcome="done", started=entry.accepted, ended=entry.fetched)
        about = {"document_id": entry.document_id, "sequence": entry.sequence, "source": source}
        if entry.change == "moved":
            return DocumentMoved(**about)
        if entry.change == "removed":
            return DocumentRemoved(**about)
        if entry.change == "rejected" or entry.content_hash is None:
            reason = entry.reason or "The file cannot be read."
            failed = fetch.model_copy(update={"outcome": "failed", "error": reason[:500]})
            return DocumentRejected(
                **about, times=times, trace=(failed,), stage="fetcher", reason=reason, rejected=entry.fetched
            )
        content = BlobRef(sha256=entry.content_hash, size=entry.stamp.size)
        if entry.change == "duplicated" and entry.duplicate_of:
            return DocumentDuplicated(
                **about, content=content, duplicate_of=entry.duplicate_of, times=times, trace=(fetch,)
            )
        modified = datetime.fromtimestamp(entry.stamp.modified_ns / 1e9, UTC)
        return DocumentFetched(**about, content=content, modified=modified, times=times, trace=(fetch,))

    async def reconcile(self) -> None:
        """Feed again what Redis or the index has lost, for as long as the service runs."""
        while True:
            with contextlib.suppress(TransientError, RedisError):  # away: `publish` says so; looked at again
                await self._feed_what_redis_lost()
                await self._feed_a_new_index()
            await asyncio.sleep(RECONCILE_SECONDS)

    async def _feed_what_redis_lost(self) -> None:
        behind = await self._intake.published() < self._ledger.last_published()
        if behind or await self._stranded():
            documents = self._ledger.feed_again(everything=False)
            log.warning("feeding_again", why="Redis lost documents that were on their way", documents=documents)
            self.wake()

    async def _stranded(self) -> bool:
        """Whether, in two looks, the same document was on its way and yet on no stream."""
        waiting = self._ledger.waiting_since()
        backlog = await self._intake.backlog()
        lost = waiting is not None and backlog.total == 0
        stranded = lost and waiting == self._lost_since
        self._lost_since = waiting if lost and not stranded else None
        return stranded

    async def _feed_a_new_index(self) -> None:
        found: Any = await self._client.get(INDEX_ID_KEY)
        if found is None or (index_id := found.decode()) == self._ledger.fact(INDEX_ID_FACT):
            return
        if self._ledger.fact(INDEX_ID_FACT) is not None:
            documents = self._ledger.feed_again(everything=True)
            log.warning("feeding_again", why="the index is a new one", documents=documents)
            self.wake()
        self._ledger.remember(INDEX_ID_FACT, index_id)

    async def count(self) -> None:
        """Keep the counts that others read up to date, for as long as the service runs."""
        last: LedgerCounts | None = None
        while True:
            with contextlib.suppress(TransientError, RedisError):
                counts = self._ledger.counts(await self._intake.backlog())
                self._show(counts)
                if last is None or _differ(counts, last):
                    await self._client.set(LEDGER_COUNTS_KEY, counts.model_dump_json())
                    last = counts
            await asyncio.sleep(COUNT_SECONDS)

    def _show(self, counts: LedgerCounts) -> None:
        states = {"indexed": counts.indexed, "duplicate": counts.duplicate, "rejected": counts.rejected}
        for state, n in {**states, "removed": counts.removed, "in_flight": counts.in_flight.total}.items():
            self._states.labels(state).set(n)


def _differ(a: LedgerCounts, b: LedgerCounts) -> bool:
    if (a.counted - b.counted).total_seconds() > RECOUNT_SECONDS:
        return True
    return a.model_copy(update={"counted": b.counted}) != b
