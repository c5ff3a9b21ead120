"""Publishes the ledger's changes, and feeds them again when Redis or the index has lost them.

A change is committed to the ledger first and published after, in order, so a crash between the two publishes late
but never nothing (pattern: transactional outbox, Richardson, Microservices Patterns, ch. 3).
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.fetcher.adapters.ledger import INDEX_ID_FACT, Ledger
from services.fetcher.adapters.ledger_entry import Lane, LedgerEntry
from services.fetcher.domain.identity import readable, tags_of
from services.fetcher.domain.pace import Pace
from shared.contracts import (
    Attempt,
    BlobRef,
    DocumentDuplicated,
    DocumentFetched,
    DocumentMoved,
    DocumentRejected,
    DocumentRemoved,
    Event,
    Source,
    StageTimes,
)
from shared.errors import TransientError
from shared.messaging import Intake
from shared.messaging.backoff import Backoff
from shared.messaging.intake import BACKLOG_LIMIT
from shared.streams import INDEX_ID_KEY, PUBLISHED_BULK_SEQUENCE_KEY

log = structlog.get_logger()

#: Events published in one step.
BATCH = 200
#: Seconds between two looks whether Redis and the index still have everything.
RECONCILE_SECONDS = 2.0
#: Documents fed again in one step, and seconds between two such steps, in which others get their turn.
FED_AT_A_TIME, FEED_PAUSE_SECONDS = 200, 0.005
#: Seconds between two looks whether there is room again: the parsers must not run dry meanwhile.
ROOM_SECONDS = 0.05


class Outbox:
    """The ledger's way to the streams."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Event()
        self._lost_since: int | None = None
        self._pace = Pace()
        self.fault: str | None = "not connected to Redis yet"

    def connect(self, client: Redis) -> None:
        """Use this client from now on."""
        self._client = client
        self._intakes = {
            Lane.FRESH: Intake(client),
            Lane.BULK: Intake(client, PUBLISHED_BULK_SEQUENCE_KEY),
        }

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

    async def _publish_batch(self) -> bool:
        """Publish the next entries of the first lane that has some; return whether there were any."""
        for lane, intake in self._intakes.items():
            entries = self._ledger.unpublished(lane, BATCH)
            if not entries:
                continue
            if not await intake.has_memory():
                raise TransientError("Redis is nearly full: documents wait in the ledger until there is room")
            if (room := self._limit(lane) - (await intake.backlog()).total) > 0:
                entries = entries[:room]
                await intake.publish([self._event(entry) for entry in entries])
                self._ledger.mark_published(lane, [entry.sequence for entry in entries])
            else:
                await asyncio.sleep(ROOM_SECONDS)
            return True
        return False

    def _limit(self, lane: Lane) -> int:
        """Return how many entries may be on the way; of a bulk few, so that what is dropped meanwhile is soon read."""
        return (
            BACKLOG_LIMIT if lane is Lane.FRESH else self._pace.most_on_the_way(self._ledger.settled, time.monotonic())
        )

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._changed.wait()
        self._changed.clear()

    def _event(self, entry: LedgerEntry) -> Event:
        source = _source(entry)
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
                await self._notice_a_new_index()
                await self._feed_everything()
            await asyncio.sleep(RECONCILE_SECONDS)

    async def _feed_what_redis_lost(self) -> None:
        behind = await self._behind()
        if behind or await self._stranded():
            documents = self._ledger.feed_what_was_lost(behind)
            log.warning("feeding_again", why="Redis lost documents that were on their way", documents=documents)
            self.wake()

    async def _behind(self) -> dict[Lane, int]:
        """Return what the server has seen last of the lanes in which more was published."""
        behind = {}
        for lane, intake in self._intakes.items():
            told = self._ledger.last_published(lane)  # first: more may be published while the server is asked
            if (seen := await intake.published()) < told:
                behind[lane] = seen
        return behind

    async def _stranded(self) -> bool:
        """Whether, in two looks, the same document was on its way and yet on no stream."""
        waiting = self._ledger.waiting_since()
        backlog = await self._intakes[Lane.FRESH].backlog()
        lost = waiting is not None and backlog.total == 0
        stranded = lost and waiting == self._lost_since
        self._lost_since = waiting if lost and not stranded else None
        return stranded

    async def _notice_a_new_index(self) -> None:
        found: Any = await self._client.get(INDEX_ID_KEY)
        if found is None or (index_id := found.decode()) == self._ledger.index_id:
            return
        if self._ledger.index_id is None:
            self._ledger.remember(INDEX_ID_FACT, index_id)
        else:
            log.warning("feeding_again", why="the index is a new one")
            self._ledger.begin_to_feed_everything(index_id)

    async def _feed_everything(self) -> None:
        """Go on with it where it was, so many documents at a time: a million take half a minute."""
        documents = 0
        while self._ledger.is_feeding:
            documents += self._ledger.feed_next(FED_AT_A_TIME)
            self.wake()
            await asyncio.sleep(FEED_PAUSE_SECONDS)
        if documents:
            log.info("fed_again", documents=documents)


def _source(entry: LedgerEntry) -> Source:
    inbox, path = entry.place
    return Source(inbox=inbox, path=readable(path), tags=() if entry.url else tags_of(path), url=entry.url)
