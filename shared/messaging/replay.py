"""Quarantined messages go back on the streams they came from, within the limits that hold for all that is on its way.

Nothing here keeps count of what was replayed: the events are idempotent by their sequence, so that a message that is
put back twice, after a lost reply or by two people at once, is worked on twice and has its effect once.
"""

import base64
import json
from collections.abc import Sequence

from faststream.redis.parser import BinaryMessageFormatV1
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from shared.contracts import DocumentRejected
from shared.errors import TransientError
from shared.messaging.envelope import FIELD
from shared.messaging.intake import BACKLOG_LIMIT, Intake
from shared.messaging.reader import DOWNSTREAM_LIMIT
from shared.streams import Stream

#: Messages put back in one step, a few milliseconds of the server: as many as the outbox publishes in one.
BATCH = 200
#: Entries a stream may hold before no more is put back on it: where documents enter as many as intake allows itself (a
#: lower limit would never be met while it works), elsewhere as many as a stage may leave for the next one.
LIMITS = {stream: BACKLOG_LIMIT if stream is Stream.FETCHED else DOWNSTREAM_LIMIT for stream in Stream}

#: Streams all of whose events carry a trace.
TRACED = (Stream.FETCHED, Stream.PARSED)

PUT_BACK = """#!lua
-- Without `allow-oom`: a full server refuses this script as a whole. KEYS: streams.
-- ARGV: field, then for each message: the index of its stream in KEYS, that stream's limit, its body.
-- Returns how many were put back: it stops at the first that finds its stream too long.
local done = 0
for i = 2, #ARGV, 3 do
  local stream = KEYS[tonumber(ARGV[i])]
  if redis.call('XLEN', stream) >= tonumber(ARGV[i + 1]) then return done end
  redis.call('XADD', stream, '*', ARGV[1], ARGV[i + 2])
  done = done + 1
end
return done
"""


class Replay:
    """Puts messages back."""

    def __init__(self, client: Redis) -> None:
        self._intake = Intake(client)
        self._put_back = client.register_script(PUT_BACK)

    async def __call__(self, rejections: Sequence[DocumentRejected]) -> int:
        """Put back the messages of the first of these, and return of how many; fewer than all while a stream is long.

        Args:
            rejections: at most `BATCH`, each with its stream and message.

        Raises:
            TransientError: the server is away or full; says whether anything was put back.
        """
        streams = list(Stream)
        args: list[str | bytes | int] = [FIELD]
        for rejection in rejections[:BATCH]:
            stream = Stream(rejection.stream or "")
            args += [streams.index(stream) + 1, LIMITS[stream], await _body(rejection)]
        await self._require_memory()
        try:
            return int(await self._put_back(keys=streams, args=args))
        except OutOfMemoryError as error:
            raise TransientError(
                "Redis is full. Nothing was put back; try again when documents are through."
            ) from error
        except RedisError as error:
            raise TransientError(
                f"Redis did not say whether the messages were put back ({error}). Try again: a document that is "
                "replayed twice is kept once."
            ) from error

    async def _require_memory(self) -> None:
        try:
            enough = await self._intake.has_memory()
        except TransientError as error:
            raise TransientError(f"Redis is away. Nothing was put back; try again. ({error})") from error
        if not enough:
            raise TransientError("Redis is nearly full. Nothing was put back; try again when documents are through.")


async def _body(rejection: DocumentRejected) -> bytes:
    """Return the message as it was delivered, with the attempts since; nobody's if nobody can read it yet.

    A document that has moved since is told of at its new place and with its new sequence: with the old one it would
    come late, and change nothing.
    """
    body = base64.b64decode(rejection.message or "")
    data, headers = BinaryMessageFormatV1.parse(body)
    try:
        message = json.loads(data)
        moved = rejection.sequence not in (0, message["sequence"])  # 0: it was not to be had from this message
    except (ValueError, KeyError, TypeError):
        return body
    since: dict[str, object] = {}
    if rejection.trace and rejection.stream in TRACED:
        since |= {"trace": [attempt.model_dump(mode="json") for attempt in rejection.trace]}
    if moved:
        since |= {"sequence": rejection.sequence}
        since |= {"source": rejection.source.model_dump()} if rejection.source else {}
    if since.items() <= message.items():
        return body
    return await BinaryMessageFormatV1.encode(
        message=json.dumps(message | since).encode(),
        reply_to=None,
        headers=headers,
        correlation_id=headers.get("correlation_id", rejection.document_id),
    )
