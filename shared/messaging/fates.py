"""What becomes of a delivery. Every one ends here, in exactly one of:

    handled              hand-over: acknowledged, deleted, its events published, in one step
    TransientError       put back; the stage pauses; counts against nobody
    RejectedDocument     quarantined at once
    unreadable message   quarantined at once
    anything else        tried again after a while; at the third delivery quarantined, with its traceback
    a third worker died  quarantined unseen

A failure to hand over falls on the safe side: the entry stays pending and is delivered again.
"""

from collections.abc import Callable, Sequence

import fast_depends.exceptions
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from shared.contracts import Attempt, Event
from shared.errors import RejectedDocument, TransientError
from shared.messaging.attempts import AttemptHere, Attempts
from shared.messaging.backoff import Backoff
from shared.messaging.hand_over import HandOver
from shared.messaging.leases import give_back
from shared.messaging.quarantine import rejection
from shared.messaging.reader import StreamReader
from shared.messaging.take_over import Entry

log = structlog.get_logger()

#: Deliveries of a message that fails, at most.
MOST_DELIVERIES = 3
#: Seconds before the second and the third delivery: long enough for a passing fault, short enough for a person.
RETRY_SECONDS = (1.0, 4.0)
#: Raised when a message is not what its handler takes; no retry makes it so.
UNREADABLE = (ValidationError, fast_depends.exceptions.ValidationError, UnicodeDecodeError)

#: Told of each delivery's end: the stream and the outcome's name.
OutcomeCounter = Callable[[str, str], None]


class WorkerDied(Exception):  # noqa: N818  never raised: it stands for an exception nobody could catch
    """Every worker that took this message up died over it."""


class Fates:
    """Decides over the deliveries of one stream."""

    def __init__(self, reader: StreamReader, hand_over: HandOver, count: OutcomeCounter, *, quarantine: bool) -> None:
        self._reader = reader
        self._hand_over = hand_over
        self._count = count
        self._quarantine = quarantine
        self._backoff = Backoff()
        self._attempts = Attempts(reader.group, reader.consumer)

    def entry(self, id_: bytes, fields: dict[bytes, bytes]) -> Entry:
        """Return the delivery behind an entry that the reader handed out."""
        return Entry(id_, fields, self._reader.leases.deliveries(id_))

    def begin(self, entry: Entry) -> AttemptHere:
        """Begin an attempt on the delivery."""
        return self._attempts.begin(entry.id, entry.deliveries)

    async def handled(self, entry: Entry, events: Sequence[Event]) -> None:
        """The handler is done: hand over what it made. Raises `TransientError` when the server stays away."""
        ours = await self._hand_over(entry.id, events)
        self._end(entry, "handled" if ours else "fenced")
        self._backoff.reset()

    async def failed(self, entry: Entry, here: AttemptHere, error: Exception) -> None:
        """The handler raised, or could not be called."""
        if isinstance(error, TransientError):
            await self._put_back(entry, error)
        elif not self._is_final(entry, error):
            self._attempts.remember(entry.id, here.failed(error))
            self._retry(entry, error)
        else:
            # Who was not tried at all, because three workers had died, has only the attempts before.
            attempts = here.earlier if isinstance(error, WorkerDied) else here.failed(error)
            await self._quarantine_or_keep(entry, error, attempts)

    def exhausted(self, entry: Entry) -> bool:
        """Whether the message may not be tried any more: every delivery ended in its worker's death."""
        return self._quarantine and entry.deliveries > MOST_DELIVERIES

    def _is_final(self, entry: Entry, error: Exception) -> bool:
        hopeless = isinstance(error, (RejectedDocument, WorkerDied, *UNREADABLE))
        return self._quarantine and (hopeless or entry.deliveries >= MOST_DELIVERIES)

    async def _quarantine_or_keep(self, entry: Entry, error: Exception, attempts: tuple[Attempt, ...]) -> None:
        document = rejection(self._reader.stream, entry, error, attempts)
        if isinstance(error, RejectedDocument):
            log.info("rejected", reason=document.reason)
        else:
            log.error("quarantined", deliveries=entry.deliveries, exc_info=error)
        try:
            ours = await self._hand_over(entry.id, [document])
        except TransientError as away:
            await self._put_back(entry, away)
        else:
            self._end(entry, "quarantined" if ours else "fenced")

    def _retry(self, entry: Entry, error: Exception) -> None:
        seconds = RETRY_SECONDS[min(entry.deliveries, len(RETRY_SECONDS)) - 1]
        log.warning("retrying", in_seconds=seconds, deliveries=entry.deliveries, exc_info=error)
        self._reader.leases.defer(entry.id, seconds)
        self._count(self._reader.stream, "retried")

    async def _put_back(self, entry: Entry, error: TransientError) -> None:
        seconds = self._backoff.next_seconds()
        log.warning("paused", for_seconds=round(seconds, 2), error=str(error))
        self._reader.pause(seconds)
        reader = self._reader
        try:
            await give_back(reader.client, reader.stream, reader.group, reader.consumer, [(entry.id, entry.deliveries)])
        except RedisError:  # then this delivery counts: the safe side, a message is never lost by it
            log.warning("give_back_failed", stream=reader.stream)
        reader.leases.defer(entry.id, seconds)
        self._count(reader.stream, "postponed")

    def _end(self, entry: Entry, outcome: str) -> None:
        self._reader.leases.release(entry.id)
        self._attempts.forget(entry.id)
        self._count(self._reader.stream, outcome)
