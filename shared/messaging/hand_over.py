"""Acknowledge, delete and publish in one step: the acknowledgement is the fence.

Only the worker whose XACK counts publishes. One that comes back late, and a retry after a lost reply, get 0 and
publish nothing. Entries finished while a call is under way share the next one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts import Event
from shared.errors import TransientError
from shared.messaging.backoff import Backoff
from shared.messaging.envelope import FIELD, encode
from shared.streams import CONSUMER_GROUP, STREAM_OF, Stream

log = structlog.get_logger()

#: Entries in one call: keeps the server's pause well under 10 ms.
MOST = 100
#: Seconds a finished entry waits for an absent server before it is left to be delivered again.
GIVE_UP_SECONDS = 60.0

HAND_OVER = """#!lua flags=allow-oom
-- KEYS: the stream, then those published to. ARGV: group, field, then for each entry: its id, the number of events,
-- and for each event: the index of its stream in KEYS, its body. Returns 1 or 0 for each entry: whether it was ours.
-- Runs when the server is full, too: an entry is deleted for each one added, or a full server would stay full.
local handed_over, i = {}, 3
while i <= #ARGV do
  local ours = redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1
  if ours then redis.call('XDEL', KEYS[1], ARGV[i]) end
  local events = tonumber(ARGV[i + 1])
  i = i + 2
  for _ = 1, events do
    if ours then redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', ARGV[2], ARGV[i + 1]) end
    i = i + 2
  end
  handed_over[#handed_over + 1] = ours and 1 or 0
end
return handed_over
"""


@dataclass(slots=True)
class _Finished:
    entry: bytes
    events: list[tuple[Stream, bytes]]
    done: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class HandOver:
    """Hands over the finished entries of one stream."""

    def __init__(self, client: Redis, stream: Stream) -> None:
        self._stream = stream
        self._script = client.register_script(HAND_OVER)
        self._waiting: list[_Finished] = []
        self._flushing: asyncio.Task[None] | None = None

    async def __call__(self, entry: bytes, events: Sequence[Event]) -> bool:
        """Return whether the entry was still ours, and so whether the events were published.

        Raises:
            TransientError: the server stayed away; the entry will be delivered again.
        """
        finished = _Finished(entry, [(STREAM_OF[type(e)], await encode(e)) for e in events])
        self._waiting.append(finished)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(), name=f"hand over {self._stream}")
        return await finished.done

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    answers = await self._call(batch)
            except TimeoutError:
                for finished in batch:
                    if not finished.done.done():
                        finished.done.set_exception(TransientError("Redis is away"))
            else:
                for finished, ours in zip(batch, answers, strict=True):
                    if not finished.done.done():
                        finished.done.set_result(bool(ours))

    async def _call(self, batch: Sequence[_Finished]) -> list[int]:
        streams = sorted({stream for finished in batch for stream, _ in finished.events})
        position = {stream: i + 2 for i, stream in enumerate(streams)}
        args: list[str | bytes | int] = [CONSUMER_GROUP[self._stream], FIELD]
        for finished in batch:
            args += [finished.entry, len(finished.events)]
            for stream, body in finished.events:
                args += [position[stream], body]
        backoff = Backoff()
        while True:
            try:
                answers: list[int] = await self._script(keys=[self._stream, *streams], args=args)
            except RedisError as error:
                log.warning("hand_over_delayed", stream=self._stream, error=str(error))
                await backoff.wait()
            else:
                return answers
