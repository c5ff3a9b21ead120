"""What this process works on. An entry is leased while it is held; the lease lasts as long as the heartbeat.

The heartbeat is a counter, not a time: others judge by their own monotonic clock whether it still moves
(`take_over.Liveness`), so no step of anybody's wall clock can make a live worker look dead.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.tasks import end

log = structlog.get_logger()

#: A monotonic clock, in seconds.
Clock = Callable[[], float]

#: Instead of a number of beats: this consumer has given back what it held.
LEFT = -1
#: Seconds between two beats.
BEAT_SECONDS = 1.0
#: Seconds without a beat after which a worker counts as dead. Ten beats: a busy machine misses a few, not ten.
LEASE_SECONDS = 10.0


def heartbeats_of(stream: str) -> str:
    """Key of the stream's hash of consumer name → number of beats."""
    return f"heartbeats.{stream}"


class Leases:
    """Entries of one stream in the hands of this process, at most `capacity` of them at work."""

    def __init__(self, capacity: int, clock: Clock = time.monotonic) -> None:
        self.capacity = capacity
        self.clock = clock
        self._held: dict[bytes, tuple[int, float]] = {}  # id → deliveries, monotonic seconds of the start
        self._deferred: dict[bytes, float] = {}  # id → monotonic seconds of the next try
        self._alone = False
        self._changed = asyncio.Event()

    def take(self, entry: bytes, deliveries: int, *, alone: bool = False) -> None:
        """Hold the entry; with `alone`, nothing else is taken until it is released."""
        self._held[entry] = (deliveries, self.clock())
        self._alone = alone

    def release(self, entry: bytes) -> None:
        """The entry is done with, or somebody else's."""
        if self._held.pop(entry, None) is not None:
            self._alone = False
            self._changed.set()

    def defer(self, entry: bytes, seconds: float) -> None:
        """Keep the entry, off work, for a later try."""
        self.release(entry)
        self._deferred[entry] = self.clock() + seconds

    def owns(self, entry: bytes) -> bool:
        """Whether the entry is at work or waits for its next try; one whose time has come is let go."""
        if entry in self._deferred and self._deferred[entry] <= self.clock():
            del self._deferred[entry]
        return entry in self._held or entry in self._deferred

    def deliveries(self, entry: bytes) -> int:
        """How often the entry was delivered, this time included."""
        return self._held[entry][0] if entry in self._held else 1

    def at_work(self) -> dict[bytes, int]:
        """Return every entry at work with its number of deliveries."""
        return {entry: deliveries for entry, (deliveries, _) in self._held.items()}

    def __len__(self) -> int:
        return len(self._held) + len(self._deferred)

    @property
    def idle(self) -> bool:
        """Whether nothing is at work."""
        return not self._held

    @property
    def oldest_seconds(self) -> float:
        """Seconds since the oldest entry at work was taken; 0 when there is none."""
        return max((self.clock() - start for _, start in self._held.values()), default=0.0)

    async def free(self, wait_seconds: float) -> int:
        """Return how many more entries may be taken, waiting up to `wait_seconds` for the first."""
        if not self._room():
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):  # `wait_for` may swallow a cancellation (Python 3.11)
                    await self._changed.wait()
        return self._room()

    def _room(self) -> int:
        # Deferred entries are work to come: a stage whose documents all fail must not pile them up here.
        if self._alone or len(self._deferred) >= 10 * self.capacity:
            return 0
        return max(0, self.capacity - len(self._held))


class Heartbeat:
    """Tells the other replicas that this consumer is alive, until it is stopped."""

    def __init__(self, client: Redis, stream: str, consumer: str) -> None:
        self._client = client
        self._key = heartbeats_of(stream)
        self._consumer = consumer
        self._task: asyncio.Task[None] | None = None
        self._last: int | None = None
        self._failing = False
        self.namesake = False  #: True while another process beats under this consumer's name

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._run(), name="heartbeat")

    async def stop(self) -> None:
        """Stop, and tell the others not to wait for the lease to run out."""
        await end(self._task)
        try:
            await self._client.hset(self._key, self._consumer, str(LEFT))
        except RedisError as error:  # they take over when the lease runs out instead
            log.warning("farewell_failed", error=str(error))

    async def _run(self) -> None:
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Beat once."""
        try:
            self._compare(await self._client.hincrby(self._key, self._consumer, 1))
            self._failing = False
        except RedisError as error:
            if not self._failing:
                log.warning("heartbeat_failed", error=str(error))
            self._failing = True
            self._last = None  # it may have been counted

    def _compare(self, beat: int) -> None:
        """Two of one name would take each other's work for their own, and do all of it twice."""
        self.namesake = self._last is not None and beat > self._last + 1
        self._last = beat
        if self.namesake:
            log.error("namesake", consumer=self._consumer, remedy="give every replica its own DATELINE_REPLICA")


GIVE_BACK = """#!lua flags=allow-oom
-- The deliveries of entries that were never finished do not count.
-- KEYS: stream. ARGV: group, consumer, (id, deliveries)…
for i = 3, #ARGV, 2 do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
  end
end
return #ARGV
"""


async def give_back(
    client: Redis, stream: str, group: str, consumer: str, entries: Iterable[tuple[bytes, int]]
) -> None:
    """Take this delivery off the entries' count; `entries` are (id, deliveries with this one)."""
    pairs = [x for entry, deliveries in entries for x in (entry, max(0, deliveries - 1))]
    if pairs:
        await client.register_script(GIVE_BACK)(keys=[stream], args=[group, consumer, *pairs])
