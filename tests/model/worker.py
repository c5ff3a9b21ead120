"""A worker of the model: the real reader, leases, fates and hand-over, without FastStream's loop around them.

It works when it is told to, on a clock that goes when it is told to, with a client that fails when it is told to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.contracts import DocumentFetched, DocumentSettled
from shared.errors import RejectedDocument, TransientError
from shared.messaging.envelope import FIELD, decode
from shared.messaging.fates import Fates, WorkerDied
from shared.messaging.hand_over import HandOver
from shared.messaging.leases import Heartbeat, Leases
from shared.messaging.reader import StreamReader
from shared.messaging.take_over import SUSPECT_AFTER, Entry
from shared.streams import Stream

#: Messages a worker has at work, at most: two, so that it has a neighbour to take along.
CAPACITY = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """The connection loses the request or the reply of the command that comes after so many others."""

    loses: str
    after: int


class FaultyClient(Redis):
    """Fails when it is told to; its reads do not wait."""

    _fault: Fault | None = None
    _executed = 0

    @contextmanager
    def broken_down(self, fault: Fault | None) -> Iterator[None]:
        """Have the fault while the block runs, once."""
        self._fault, self._executed = fault, 0
        try:
            yield
        finally:
            self._fault = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute the command, or fail as told."""
        fault = self._fault if self._fault and self._fault.after == self._executed else None
        self._executed += 1
        if fault and fault.loses == "request":
            raise RedisConnectionError("the request was lost")
        if args[0] == "XREADGROUP":
            block = args.index(b"BLOCK")  # a server looks ten times a second whose time is up
            args = args[:block] + args[block + 2 :]
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if fault:
            raise RedisConnectionError("the reply was lost")
        return answer


class Clock:
    """A monotonic clock that stands still between ticks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A process that consumes the stream of fetched documents, and settles them.

    Args:
        client: its own.
        hand_over: how it ends a delivery.
        heartbeat: how it tells that it is alive.
    """

    def __init__(
        self,
        name: str,
        client: FaultyClient,
        clock: Clock,
        hand_over: type[HandOver],
        heartbeat: type[Heartbeat],
    ) -> None:
        self.name = name
        self.client = client
        self.reader = StreamReader(Stream.FETCHED, name, Leases(CAPACITY, clock), downstream=None)
        self.reader.connect(client)
        self.heartbeat = heartbeat(client, Stream.FETCHED, name)
        self.fates = Fates(self.reader, hand_over(client, Stream.FETCHED), lambda *_: None, quarantine=True)
        #: At work, by document.
        self.in_hand: dict[int, Entry] = {}
        self.frozen = False

    @property
    def has_room(self) -> bool:
        """Whether it may take one more; without room, the reader waits."""
        alone = any(entry.deliveries > SUSPECT_AFTER for entry in self.in_hand.values())
        return len(self.in_hand) < CAPACITY and not alone

    async def read(self) -> list[int]:
        """Take what the reader hands out; return those documents. One whose tries are used up ends here, unseen."""
        taken = []
        for _, entries in await self.reader.read():
            for id_, fields in entries:
                entry = self.fates.entry(id_, fields)
                document = DocumentFetched.model_validate_json(decode(fields[FIELD])).sequence
                if self.fates.exhausted(entry):
                    await self._end(entry, WorkerDied("three workers died"))
                else:
                    self.in_hand[document] = entry
                    taken.append(document)
        return taken

    async def finish(self, document: int, error: Exception | None) -> None:
        """The handler is done with the document, or raised the error."""
        await self._end(self.in_hand.pop(document), error, document)

    async def _end(self, entry: Entry, error: Exception | None, document: int = 0) -> None:
        here = self.fates.begin(entry)
        settled = DocumentSettled(document_id=f"{document:032x}", sequence=document, state="indexed")
        try:
            if error:
                raise error
            await self.fates.handled(entry, [settled])
        except (RejectedDocument, TransientError, WorkerDied, RuntimeError) as raised:
            await self.fates.failed(entry, here, raised)
