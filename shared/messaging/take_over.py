"""Entries whose worker died, and own entries that nobody works on, are handed out again.

An own entry is without work after this process was restarted under the same name, after the reply to a read was
lost, or when the time for its next try has come. Another consumer's entry is taken over when that consumer is
dead: its heartbeat has not moved for a lease, by the observer's own monotonic clock.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from shared.messaging.leases import BEAT_SECONDS, LEASE_SECONDS, LEFT, Clock, Leases, heartbeats_of

log = structlog.get_logger()

#: An entry that was in flight at this many deaths is handed out alone, so that it takes no neighbour along.
SUSPECT_AFTER = 2
#: Entries looked at, at a time: of this consumer, and of each dead one.
OWN_LIMIT, DEAD_LIMIT = 1_000, 100

TAKE = """#!lua flags=allow-oom
-- Claim entries that are still their owner's. KEYS: stream. ARGV: group, me, (id, owner)…
local taken = {}
for i = 3, #ARGV, 2 do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[i + 1]) == 1 then
    local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i])
    if claimed[1] then
      local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
      taken[#taken + 1] = {claimed[1][1], claimed[1][2], pending[1][4]}
    end
  end
end
return taken
"""
FORGET = """#!lua flags=allow-oom
-- Delete a dead consumer that holds nothing. KEYS: stream, heartbeats. ARGV: group, consumer
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HDEL', KEYS[2], ARGV[2])
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery: the entry's id, its fields, and how often it was delivered, this time included."""

    id: bytes
    fields: dict[bytes, bytes]
    deliveries: int


class Liveness:
    """Judges which consumers are dead, from heartbeats seen and time passed on this process's own clock."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._last_look = clock()
        self._seen: dict[str, tuple[int, float]] = {}  # consumer → beat, seconds when it was first seen

    def dead(self, beats: Mapping[str, int], consumers: Iterable[str]) -> set[str]:
        """Return those of `consumers` whose beat has not changed for `LEASE_SECONDS` of looking.

        After a pause in looking (the server was away, this process was stopped) everybody gets a new lease:
        who could not be seen could not be seen dying.
        """
        now = self._clock()
        paused = now - self._last_look > LEASE_SECONDS / 2
        self._last_look = now
        dead = set()
        for consumer in consumers:
            beat = beats.get(consumer, 0)
            seen = self._seen.get(consumer)
            if seen is None or seen[0] != beat or paused:
                self._seen[consumer] = (beat, now)
            if beat == LEFT or now - self._seen[consumer][1] >= LEASE_SECONDS:
                dead.add(consumer)
        return dead

    def forget(self, consumer: str) -> None:
        """The consumer is gone for good."""
        self._seen.pop(consumer, None)


class TakeOver:
    """Finds entries of one stream that nobody works on, about once a heartbeat."""

    def __init__(self, client: Redis, stream: str, group: str, consumer: str, leases: Leases) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._leases = leases
        self._liveness = Liveness(leases.clock)
        self._next_look = 0.0
        self.suspects_wait = False  #: True while a suspect waits for the entries at work to be finished

    async def due(self, limit: int) -> list[Entry]:
        """Return at most `limit` entries to work on again; a suspect is returned alone."""
        if self._leases.clock() < self._next_look and not (self.suspects_wait and self._leases.idle):
            return []
        self._next_look = self._leases.clock() + BEAT_SECONDS
        orphans = await self._orphans()
        suspects = [o for o in orphans if o["times_delivered"] >= SUSPECT_AFTER]
        others = [o for o in orphans if o["times_delivered"] < SUSPECT_AFTER]
        self.suspects_wait = bool(suspects) and not others
        if others:
            return await self._take(others[:limit])
        if suspects and self._leases.idle:
            return await self._take(suspects[:1])
        return []

    async def _orphans(self) -> list[dict[str, Any]]:
        consumers = await self._client.xinfo_consumers(self._stream, self._group)
        pending = {c["name"].decode(): int(c["pending"]) for c in consumers}
        dead = await self._dead(pending)
        mine = pending.get(self._consumer, 0)
        orphans = []
        if mine:
            own = await self._pending_of(self._consumer, min(mine, OWN_LIMIT))
            orphans = [o for o in own if not self._leases.owns(o["message_id"])]
        for consumer in dead:
            if pending[consumer]:
                orphans += await self._pending_of(consumer, DEAD_LIMIT)
            else:
                await self._forget(consumer)
        return orphans

    async def _dead(self, consumers: Iterable[str]) -> set[str]:
        others = [c for c in consumers if c != self._consumer]
        if not others:
            return set()
        beats: Any = await self._client.hgetall(heartbeats_of(self._stream))
        return self._liveness.dead({name.decode(): int(beat) for name, beat in beats.items()}, others)

    async def _pending_of(self, consumer: str, count: int) -> list[dict[str, Any]]:
        pending: list[dict[str, Any]] = await self._client.xpending_range(
            self._stream, self._group, "-", "+", count, consumername=consumer
        )
        return pending

    async def _take(self, orphans: list[dict[str, Any]]) -> list[Entry]:
        pairs = [x for o in orphans for x in (o["message_id"], o["consumer"])]
        taken = await self._client.register_script(TAKE)(
            keys=[self._stream], args=[self._group, self._consumer, *pairs]
        )
        if taken:
            log.info("taken_over", stream=self._stream, entries=len(taken))
        return [
            Entry(id=id_, fields=dict(zip(flat[::2], flat[1::2], strict=True)), deliveries=int(deliveries))
            for id_, flat, deliveries in taken
        ]

    async def _forget(self, consumer: str) -> None:
        gone = await self._client.register_script(FORGET)(
            keys=[self._stream, heartbeats_of(self._stream)], args=[self._group, consumer]
        )
        if gone:
            self._liveness.forget(consumer)
