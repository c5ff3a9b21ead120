"""The ledger's events go on their streams in the order of their sequence, each once.

The server keeps the sequence of the last one beside the streams, changed in the same step: publishing again, after a
crash or a lost reply, adds nothing. The same number tells whether the server lost data: it is then behind the ledger.
"""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts import Event, StageBacklog
from shared.errors import TransientError
from shared.messaging.envelope import FIELD, encode
from shared.streams import PUBLISHED_SEQUENCE_KEY, STREAM_OF, Stream

#: Entries that may wait on the way before intake stops; the rest waits in the ledger, which is on disk.
BACKLOG_LIMIT = 2_000
#: Share of the server's `maxmemory` above which intake stops: before the server refuses.
MEMORY_LIMIT = 0.8

PUBLISH = """#!lua
-- Without `allow-oom`: a full server refuses this script as a whole. KEYS: published sequence, streams.
-- ARGV: field, then for each event: its sequence, the index of its stream in KEYS, its body.
local published, added = tonumber(redis.call('GET', KEYS[1]) or '-1'), 0
for i = 2, #ARGV, 3 do
  local sequence = tonumber(ARGV[i])
  if sequence > published then
    redis.call('XADD', KEYS[tonumber(ARGV[i + 1])], '*', ARGV[1], ARGV[i + 2])
    redis.call('SET', KEYS[1], ARGV[i])
    published, added = sequence, added + 1
  end
end
return added
"""

LENGTHS = """#!lua flags=no-writes
-- All at one moment, and on a full server, too: Redis 7 refuses MULTI then. KEYS: streams.
local lengths = {}
for i, stream in ipairs(KEYS) do lengths[i] = redis.call('XLEN', stream) end
return lengths
"""


class Intake:
    """Where documents enter the streams, in one order. All methods raise `TransientError` when the server is away.

    Args:
        key: where the server keeps the sequence of the last one.
    """

    def __init__(self, client: Redis, key: str = PUBLISHED_SEQUENCE_KEY) -> None:
        self._client = client
        self._key = key
        self._publish = client.register_script(PUBLISH)
        self._lengths = client.register_script(LENGTHS)

    async def publish(self, events: Sequence[Event]) -> None:
        """Add the events, in the order of their sequence, unless they were added before."""
        streams = list(Stream)
        args: list[str | bytes | int] = [FIELD]
        for event in events:
            args += [event.sequence, streams.index(STREAM_OF[type(event)]) + 2, await encode(event)]
        try:
            await self._publish(keys=[self._key, *streams], args=args)
        except RedisError as error:
            raise TransientError(f"Redis does not take documents: {error}") from error

    async def published(self) -> int:
        """Return the sequence of the last event the server has seen, -1 if none."""
        try:
            value = await self._client.get(self._key)
        except RedisError as error:
            raise TransientError(f"Redis: {error}") from error
        return int(value) if value is not None else -1

    async def backlog(self) -> StageBacklog:
        """Return the entries on the way, by the stage that has to take them off, at one moment."""
        try:
            lengths = dict(zip(Stream, await self._lengths(keys=list(Stream)), strict=True))
        except RedisError as error:
            raise TransientError(f"Redis: {error}") from error
        return StageBacklog(
            fetcher=lengths[Stream.SETTLED],
            parser=lengths[Stream.FETCHED],
            indexer=lengths[Stream.PARSED] + lengths[Stream.CHANGED] + lengths[Stream.REJECTED],
        )

    async def has_memory(self) -> bool:
        """Whether the server is short of its limit on memory."""
        try:
            memory = await self._client.info("memory")
        except RedisError as error:
            raise TransientError(f"Redis: {error}") from error
        most = int(memory.get("maxmemory") or 0)
        return not most or int(memory["used_memory"]) < MEMORY_LIMIT * most
