"""What a worker is handed next: first what nobody works on any more, then what is new, never more than it can take."""

import asyncio
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.messaging.backoff import Backoff
from shared.messaging.groups import create_group
from shared.messaging.leases import Heartbeat, Leases, give_back
from shared.messaging.take_over import SUSPECT_AFTER, Entry, TakeOver
from shared.streams import CONSUMER_GROUP, Stream

log = structlog.get_logger()

#: Milliseconds a read waits at the server. Far below the client's socket time-out; it paces looking for orphans.
BLOCK_MS = 1_000
#: Entries that may wait downstream before a stage stops reading. Bounds Redis's memory: 1,000 × 20 kB = 20 MB.
DOWNSTREAM_LIMIT = 1_000
#: Seconds without a successful look at the stream after which the consumer counts as dead.
STALE_SECONDS = 10.0
#: Seconds one message may be in hand before the worker counts as hung; a handler that may take longer says so.
HUNG_SECONDS = 300.0
#: In what the server says when the stream or its group is gone: to a read, a blocked read, and XINFO.
STREAM_LOST = ("NOGROUP", "UNBLOCKED", "no such key")

#: As XREADGROUP replies: the entry's id and its fields.
RawEntry = tuple[bytes, dict[bytes, bytes]]


class StreamReader:
    """Reads one stream for this process; never raises for the server's sake, but waits and tries again."""

    def __init__(
        self,
        stream: Stream,
        consumer: str,
        leases: Leases,
        downstream: Stream | None,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self.stream = stream
        self.group = CONSUMER_GROUP[stream]
        self.consumer = consumer
        self.leases = leases
        self._downstream = downstream
        self._hung_seconds = hung_seconds
        self._backoff = Backoff()
        self._paused_until = 0.0
        self._last_look = leases.clock()

    def connect(self, client: Redis) -> None:
        """Use this client from now on."""
        self.client = client
        self._take_over = TakeOver(client, self.stream, self.group, self.consumer, self.leases)
        self._heartbeat = Heartbeat(client, self.stream, self.consumer)

    def start(self) -> None:
        """Let the other replicas know that this one is alive."""
        self._last_look = self.leases.clock()
        self._heartbeat.start()

    async def stop(self) -> None:
        """Give back what was not finished: its delivery does not count, and others need not wait.

        What has failed and waits for its next try keeps its count, or a service that is restarted in between would
        try it for ever.
        """
        try:
            await give_back(self.client, self.stream, self.group, self.consumer, self.leases.at_work().items())
        except RedisError as error:  # the others take over when the heartbeat has been still for a lease
            log.warning("give_back_failed", stream=self.stream, error=str(error))
        await self._heartbeat.stop()

    def pause(self, seconds: float) -> None:
        """Hand out nothing for a while: what the stage depends on is away."""
        self._paused_until = self.leases.clock() + seconds

    def faults(self) -> list[str]:
        """Return what keeps this stream from being worked on."""
        stale, hung = self.leases.clock() - self._last_look, self.leases.oldest_seconds
        faults = []
        if stale > STALE_SECONDS:
            faults.append(f"{self.stream}: not read for {stale:.0f} s")
        if hung > self._hung_seconds:
            faults.append(f"{self.stream}: a message has been in hand for {hung:.0f} s")
        if self._heartbeat.namesake:
            faults.append(f"{self.stream}: another replica is called {self.consumer}, too; set DATELINE_REPLICA")
        return faults

    async def read(self) -> list[tuple[bytes, list[RawEntry]]]:
        """Return the next entries in the form of an XREADGROUP reply; empty when there are none for now."""
        try:
            entries = await self._next()
        except ResponseError as error:
            entries = await self._recover(error)
        except RedisError as error:
            entries = await self._wait_out(error)
        else:
            self._backoff.reset()
            self._last_look = self.leases.clock()
        for entry in entries:
            self.leases.take(entry.id, entry.deliveries, alone=entry.deliveries > SUSPECT_AFTER)
        return [(self.stream.encode(), [(e.id, e.fields) for e in entries])]

    async def _next(self) -> list[Entry]:
        if await self._held_back():
            await asyncio.sleep(0.2)
            return []
        free = await self.leases.free(BLOCK_MS / 1_000)
        if not free:
            return []
        if due := await self._take_over.due(free):
            return due
        if self._take_over.suspects_wait:
            await asyncio.sleep(0.05)
            return []
        return await self._fresh(free)

    async def _held_back(self) -> bool:
        if self.leases.clock() < self._paused_until:
            return True
        return self._downstream is not None and await self.client.xlen(self._downstream) > DOWNSTREAM_LIMIT

    async def _fresh(self, count: int) -> list[Entry]:
        reply: Any = await Redis.xreadgroup(
            self.client, self.group, self.consumer, {self.stream: ">"}, count=count, block=BLOCK_MS
        )
        return [Entry(id_, fields, deliveries=1) for _, batch in reply or () for id_, fields in batch]

    async def _recover(self, error: ResponseError) -> list[Entry]:
        if not any(word in str(error) for word in STREAM_LOST):
            return await self._wait_out(error)  # READONLY, OOM, MISCONF, LOADING …: the server's trouble, not ours
        log.critical("stream_lost", stream=self.stream, error=str(error))
        try:
            await create_group(self.client, self.stream)
        except RedisError as again:
            return await self._wait_out(again)
        return []

    async def _wait_out(self, error: RedisError) -> list[Entry]:
        if self._backoff.failures == 0:
            log.warning("redis_unavailable", stream=self.stream, error=str(error))
        await self._backoff.wait()
        return []
