"""What must be true of the server after each step, and what of it is known only from how it came about."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from shared.contracts import DocumentFetched, DocumentRejected, DocumentSettled
from shared.errors import RejectedDocument, TransientError
from shared.messaging.envelope import FIELD, decode
from shared.messaging.fates import MOST_DELIVERIES
from shared.messaging.take_over import SUSPECT_AFTER, Entry
from shared.streams import CONSUMER_GROUP, Stream
from tests.model.worker import Worker


@dataclass(frozen=True)
class Snapshot:
    """The hop as the server has it: documents by where they are, and entries by their owner."""

    on_the_stream: list[int]
    settled: list[int]
    rejected: list[int]
    owners: dict[bytes, str]

    def is_owner(self, worker: Worker, document: int) -> bool:
        """Whether what the worker has at work is still its own."""
        return self.owners.get(worker.in_hand[document].id) == worker.name

    @classmethod
    async def of(cls, server: Redis) -> "Snapshot":
        """Look at the server."""
        pending: Any = await server.xpending_range(Stream.FETCHED, CONSUMER_GROUP[Stream.FETCHED], "-", "+", 1_000)
        bodies = {}
        for stream in (Stream.FETCHED, Stream.SETTLED, Stream.REJECTED):
            entries: Any = await server.xrange(stream)
            bodies[stream] = [decode(fields[FIELD]) for _, fields in entries]
        return cls(
            on_the_stream=[DocumentFetched.model_validate_json(b).sequence for b in bodies[Stream.FETCHED]],
            settled=[DocumentSettled.model_validate_json(b).sequence for b in bodies[Stream.SETTLED]],
            rejected=[DocumentRejected.model_validate_json(b).sequence for b in bodies[Stream.REJECTED]],
            owners={one["message_id"]: one["consumer"].decode() for one in pending},
        )


class Expectations:
    """Keeps account of what was done to each document."""

    def __init__(self) -> None:
        self.published = 0
        self._condemned: set[int] = set()
        self._spoiled: Counter[int] = Counter()
        self._unseen: Counter[int] = Counter()
        self._doubtful: set[tuple[str, int]] = set()

    def unseen(self, documents: Iterable[int]) -> None:
        """The server may count a delivery of each of these that nobody saw, or that was to be taken off its count."""
        self._unseen.update(documents)

    def frozen(self, worker: Worker) -> None:
        """What it has at work may be taken from it, and delivered once more."""
        self.unseen(list(worker.in_hand))
        self._doubtful |= {(worker.name, document) for document in worker.in_hand}

    def killed(self, worker: Worker, before: Snapshot) -> None:
        """The tries of what was its own are spoiled."""
        self._spoiled.update(document for document in worker.in_hand if before.is_owner(worker, document))
        self.gone(worker)

    def gone(self, worker: Worker) -> None:
        """Nothing is at work there any more."""
        self._doubtful = {(name, document) for name, document in self._doubtful if name != worker.name}

    def finished(self, worker: Worker, document: int, error: Exception | None, *, owner: bool) -> None:
        """It is not at work there any more: settled, rejected for good, a try spoiled, or nobody's fault."""
        self._doubtful.discard((worker.name, document))
        if isinstance(error, RejectedDocument):
            self._condemned.add(document)
        elif owner and error and not isinstance(error, TransientError):
            self._spoiled[document] += 1

    def hold_of(self, document: int, entry: Entry) -> None:
        """A worker may try it."""
        assert self._spoiled[document] < MOST_DELIVERIES, f"{document} is tried a fourth time"
        most = 1 + self._spoiled[document] + self._unseen[document]
        assert entry.deliveries <= most, f"{document} is counted {entry.deliveries} times, of at most {most}"

    def hold_of_neighbours(self, worker: Worker) -> None:
        """A suspect is tried alone."""
        suspects = [document for document, entry in worker.in_hand.items() if entry.deliveries > SUSPECT_AFTER]
        assert not suspects or len(worker.in_hand) == 1, f"suspects {suspects} are among {set(worker.in_hand)}"

    def hold(self, now: Snapshot, workers: Iterable[Worker]) -> None:
        """Every document is in one place, once; the hopeless are rejected; a live worker's messages are its own."""
        places = Counter(now.on_the_stream) + Counter(now.settled) + Counter(now.rejected)
        assert places == Counter(range(1, self.published + 1))
        for document in now.rejected:
            tries = self._spoiled[document] + self._unseen[document]
            hopeless = document in self._condemned or tries >= MOST_DELIVERIES
            assert hopeless, f"{document} is rejected after {tries} tries"
        for worker in workers:
            for document in worker.in_hand:
                done = worker.in_hand[document].id not in now.owners  # by one that was frozen while it had it
                in_doubt = (worker.name, document) in self._doubtful
                assert done or in_doubt or now.is_owner(worker, document), f"{document} was taken from a live worker"
