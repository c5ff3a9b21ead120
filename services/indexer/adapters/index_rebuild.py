"""Builds the index anew from the blobs while the old one serves: every document is parsed and indexed once more.

The index takes another id; the fetcher sees it and feeds everything again, with higher sequences, as it does for an
index that was lost. Each document replaces its old self. What is left behind with an old sequence when all that was
fed has arrived is in no ledger (the ledger was lost, say) and is removed. Quarantine is left alone: messages that
nobody could read are in no ledger either.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from services.indexer.adapters.documents import INDEX_ID_FACT, SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.domain.documents import DocumentRecord
from shared.contracts import LedgerCounts
from shared.errors import TransientError

log = structlog.get_logger()

#: Seconds between two looks whether all has arrived.
LOOK_SECONDS = 0.5
#: Documents removed at a time.
BATCH = 200
#: The highest sequence there was when the rebuild began; there is none while none runs.
BEGAN_AFTER_FACT = "rebuild_began_after"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: `done` of `documents`; `per_second` since it began, or since the indexer started."""

    running: bool
    documents: int
    done: int
    per_second: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds left at this rate, None while there is none."""
        return (self.documents - self.done) / self.per_second if self.running and self.per_second else None


class IndexRebuild:
    """At most one at a time; it goes on after a restart."""

    def __init__(
        self,
        store: SqliteDocumentStore,
        commits: GroupCommit,
        counts: Callable[[], Awaitable[LedgerCounts | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._commits = commits
        self._counts = counts
        self._clock = clock
        self._began = (clock(), 0)  # seconds, documents done then
        self._last = Progress(running=False, documents=0, done=0, per_second=0.0)

    async def start(self) -> Progress:
        """Begin, unless one runs. Raises `TransientError` when the disk does not take it."""
        if self._began_after() is None:
            began_after = str(self._store.last_sequence())
            self._store.remember(**{INDEX_ID_FACT: uuid4().hex, BEGAN_AFTER_FACT: began_after})
            self._began = (self._clock(), 0)
            log.info("rebuild_began", began_after=began_after)
        return await self.progress()

    async def progress(self) -> Progress:
        """Return how far it is; of the last one when none runs."""
        began_after = self._began_after()
        if began_after is None:
            return self._last
        counts = await self._counts()
        done = await asyncio.to_thread(self._store.count_after, began_after)
        seconds, before = self._clock() - self._began[0], self._began[1]
        rate = (done - before) / seconds if seconds > 0 else 0.0
        documents = max(done, counts.accepted if counts else 0)
        return Progress(running=True, documents=documents, done=done, per_second=rate)

    async def run(self) -> None:
        """End what was begun once all has arrived, for as long as the service runs."""
        self._began = (self._clock(), self._store.count_after(self._began_after() or 0))
        while True:
            began_after = self._began_after()
            if began_after is not None and await self._all_has_arrived():
                try:
                    await self._end(began_after)
                except TransientError as error:
                    log.warning("rebuild_delayed", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    def _began_after(self) -> int | None:
        fact = self._store.fact(BEGAN_AFTER_FACT)
        return int(fact) if fact is not None else None

    async def _all_has_arrived(self) -> bool:
        counts = await self._counts()
        return counts is not None and counts.index_id == self._store.index_id and counts.in_flight.total == 0

    async def _end(self, began_after: int) -> None:
        removed = 0
        while left_behind := self._store.untouched_since(began_after, BATCH):
            await asyncio.gather(*(self._remove(record) for record in left_behind))
            removed += len(left_behind)
        rebuilt = await self.progress()
        self._last = replace(rebuilt, running=False, documents=rebuilt.done)
        self._store.remember(**{BEGAN_AFTER_FACT: None})
        log.info("rebuild_ended", documents=rebuilt.done, per_second=round(rebuilt.per_second), removed=removed)

    async def _remove(self, record: DocumentRecord) -> None:
        removed = DocumentRecord(
            document_id=record.document_id, sequence=record.sequence, state="removed", source=record.source
        )
        await self._commits.apply(record.document_id, record.sequence, lambda _: removed)
