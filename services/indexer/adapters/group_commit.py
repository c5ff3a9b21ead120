"""Group commit: many documents share one durable commit, and each caller is told when its own is durable.

A commit costs about 16 fsyncs and hardly more for 500 documents than for one, so the first waits a moment for others.
Order within a commit: documents first, index second, so that what the index finds can always be shown; a process that
dies between the two leaves them `unconfirmed` in the store, and the next start finishes them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.domain.documents import DocumentRecord, split_by_state
from services.indexer.domain.search_index import SearchIndex
from shared.errors import TransientError

log = structlog.get_logger()

#: Seconds a document may wait for its commit before the stage counts as stuck. A commit of 500 takes under a second.
STUCK_SECONDS = 30.0

#: Seconds between two looks whether a full disk has room again.
ROOM_SECONDS = 1.0

#: Makes the new record of the stored one (None: not known); returns None where there is nothing to record.
Change = Callable[[DocumentRecord | None], DocumentRecord | None]


@dataclass(eq=False, slots=True)
class _Waiting:
    document_id: str
    sequence: int
    change: Change
    since: float
    done: "asyncio.Future[DocumentRecord | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


#: What became of a change: the record as it is stored now, or why there is none.
Outcome = DocumentRecord | Exception | None


class GroupCommit:
    """Applies changes to documents, in the order they come, a group at a time.

    `room` says why nothing may be written for now, None when it may.
    """

    def __init__(
        self,
        store: SqliteDocumentStore,
        index: SearchIndex,
        *,
        linger_seconds: float,
        batch: int,
        room: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._index = index
        self._linger_seconds = linger_seconds
        self._batch = batch
        self._room = room
        # Callers beyond two groups wait to get in: what is not acknowledged stays in Redis.
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=2 * batch)
        self._in_hand: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = None
        #: By `time.monotonic`; None before the first.
        self.last_commit: float | None = None

    def start(self) -> None:
        """Begin to commit."""
        self._task = asyncio.create_task(self._run(), name="group-commit")

    async def stop(self) -> None:
        """Finish the commit that is being written; who still waits is told to try again."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while True:
                await self._collect()
                await self._wait_for_room()
                await self._commit_in_hand()
        finally:
            while not self._queue.empty():
                self._in_hand.append(self._queue.get_nowait())
            _tell(self._in_hand, [TransientError("the indexer is stopping")] * len(self._in_hand))

    async def apply(self, document_id: str, sequence: int, change: Change) -> DocumentRecord | None:
        """Change the document and return it as it is stored once that is durable and searchable.

        A change older than what is stored (by `sequence`) is not applied: the stored record is returned. The same
        sequence is applied again: it is the same event, delivered twice.

        Raises:
            TransientError: the disk did not take it; nothing was acknowledged.
            Exception: whatever `change` raises; others in the group are not affected.
        """
        waiting = _Waiting(document_id, sequence, change, since=time.monotonic())
        await self._queue.put(waiting)
        return await waiting.done

    def faults(self) -> list[str]:
        """Return what keeps documents from being committed."""
        faults = [self._failure] if self._failure else []
        if (seconds := self._longest_wait()) > STUCK_SECONDS:
            faults.append(f"a document has waited {seconds:.0f} s for its commit")
        if self._task is None or self._task.done():
            faults.append("nothing is being committed")
        return faults

    def _longest_wait(self) -> float:
        return time.monotonic() - self._in_hand[0].since if self._in_hand else 0.0

    async def _commit_in_hand(self) -> None:
        commit = asyncio.ensure_future(asyncio.to_thread(self._commit, list(self._in_hand)))
        try:
            await asyncio.shield(commit)
        finally:  # also when cancelled: what is being written cannot be called back, so tell how it ends
            self._finish(await commit)

    async def _wait_for_room(self) -> None:
        """Keep what is in hand while the disk is full: failing it would have it brought again and again."""
        while fault := self._room():
            if not self._failure:
                log.warning("disk_full", fault=fault)
            self._failure = fault
            await asyncio.sleep(ROOM_SECONDS)

    async def _collect(self) -> None:
        self._in_hand.append(await self._queue.get())
        try:
            async with asyncio.timeout(self._linger_seconds):
                while len(self._in_hand) < self._batch:
                    self._in_hand.append(await self._queue.get())
        except TimeoutError:
            return

    def _finish(self, outcomes: list[Outcome]) -> None:
        failures = [outcome for outcome in outcomes if isinstance(outcome, TransientError)]
        self._failure = str(failures[0]) if failures else None
        if len(failures) < len(outcomes):
            self.last_commit = time.monotonic()
        _tell(self._in_hand, outcomes)
        self._in_hand = []

    # In the commit's thread

    def _commit(self, group: Sequence[_Waiting]) -> list[Outcome]:
        """Commit the group together; if one of them spoils it, each by itself, so that it fails alone."""
        try:
            return self._commit_together(group)
        except TransientError as error:
            return [error] * len(group)
        except Exception as error:
            if len(group) == 1:
                return [error]
            log.warning("group_split", documents=len(group), error=str(error))
            return [outcome for waiting in group for outcome in self._commit([waiting])]

    def _commit_together(self, group: Sequence[_Waiting]) -> list[Outcome]:
        stored = self._store.get_many([waiting.document_id for waiting in group])
        changed: dict[str, DocumentRecord] = {}
        outcomes = [self._change(waiting, stored, changed) for waiting in group]
        if changed:
            # A document is found by all its places: a change of a duplicate is one of the document, too.
            relocated = list(self._store.put_many(list(changed.values())))
            others = self._store.get_many(relocated).values()
            self._index.write(*split_by_state([*changed.values(), *others]))
            self._store.confirm([*changed, *relocated])
        return outcomes

    def _change(
        self, waiting: _Waiting, stored: dict[str, DocumentRecord], changed: dict[str, DocumentRecord]
    ) -> Outcome:
        known = stored.get(waiting.document_id)
        if known and known.sequence > waiting.sequence:
            return known
        try:
            record = waiting.change(known)
        except Exception as error:
            return error
        if record:
            stored[waiting.document_id] = changed[waiting.document_id] = record
        return record


def _tell(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        if waiting.done.done():  # its caller has gone
            continue
        if isinstance(outcome, Exception):
            waiting.done.set_exception(outcome)
        else:
            waiting.done.set_result(outcome)
