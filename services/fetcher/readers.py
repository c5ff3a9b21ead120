"""Look at files that something happened to, or that a scan has found, and enter each once it is whole."""

import asyncio
import os
import stat
import time
from collections.abc import Callable

import structlog

from services.fetcher.absences import Absences
from services.fetcher.adapters.inbox import NO_STAMP, Reading, Unreadable, Unsettled
from services.fetcher.adapters.ledger_entry import Lane, LedgerEntry
from services.fetcher.domain.arrivals import Arrival, Arrivals
from services.fetcher.domain.identity import Place, Stamp, readable
from services.fetcher.domain.rules import Rules
from services.fetcher.watched import WatchedFolder
from shared.errors import TransientError

log = structlog.get_logger()

#: Files read at the same time: enough to keep a disk busy, few enough to leave the machine to the parser. One of the
#: readers takes nothing a scan has found, so that a dropped file never waits for large old ones.
READERS = 4
#: Seconds until a file that could not be read for now is looked at again.
AGAIN_SECONDS = 1.0
#: Files taken from those found by a scan at a time, and those of them that wait in memory, at most.
TAKEN, MOST_FOUND = 64, 2_000
#: Nanoseconds around its last change in which a file's stamp may hide another change: file systems' clocks are coarse.
RACY_NS = 50_000_000


class Readers:
    """The readers of one inbox.

    Args:
        news: is set when there is something to look at.
        on_folder: takes what turns out to be a folder, and says that it is done with it.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what they look at, and whom they tell
        self,
        folder: WatchedFolder,
        rules: Rules,
        arrivals: Arrivals,
        absences: Absences,
        news: asyncio.Event,
        on_folder: Callable[[Arrival], None],
    ) -> None:
        self._folder = folder
        self._rules = rules
        self._arrivals = arrivals
        self._absences = absences
        self._news = news
        self._on_folder = on_folder
        #: When a reader last looked for work, and from when on what scans have found is read: monotonic seconds.
        self.last_tick = time.monotonic()
        self.bulk_from = 0.0
        #: Why nothing is read, None when all is well.
        self.disk_fault: str | None = None
        self._next_look_at_disk = 0.0

    async def run(self) -> None:
        """Look at files, for as long as the service runs."""
        async with asyncio.TaskGroup() as tasks:
            for reader in range(READERS):
                tasks.create_task(self._run(bulk=reader > 0))

    async def _run(self, *, bulk: bool) -> None:
        while True:
            self.last_tick = time.monotonic()
            if self._full():
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            arrival = self._arrivals.take(self.last_tick, bulk=bulk)
            if arrival:
                await self._look_and_tell(arrival)
            elif not (bulk and self._take_found()):
                await self._wait_for_news(bulk=bulk)

    def _take_found(self) -> bool:
        now, paths = time.monotonic(), list[bytes]()
        if self._folder.sightings.found and self._arrivals.found() < MOST_FOUND and now >= self.bulk_from:
            paths = self._folder.sightings.take_newest(self._folder.inbox.name, TAKEN)
        for path in paths:
            self._arrivals.note(path, now, self._folder.settings.settle_seconds, bulk=True)
        return bool(paths)

    async def _wait_for_news(self, *, bulk: bool) -> None:
        due = self._arrivals.next_due(bulk=bulk)
        longest = AGAIN_SECONDS if due is None else min(AGAIN_SECONDS, max(0.001, due - time.monotonic()))
        self._news.clear()
        try:
            async with asyncio.timeout(longest):
                await self._news.wait()
        except TimeoutError:
            pass

    def _full(self) -> bool:
        """Whether reading files has to wait for room on the disk; what lies in the inbox is in no hurry."""
        now = time.monotonic()
        if now >= self._next_look_at_disk:
            self._next_look_at_disk = now + AGAIN_SECONDS
            fault = self._folder.room()
            if bool(fault) != bool(self.disk_fault):
                log.warning("disk_full" if fault else "disk_has_room", fault=fault)
            self.disk_fault = fault
        return self.disk_fault is not None

    async def _look_and_tell(self, arrival: Arrival) -> None:
        try:
            await self._look(arrival)
        except FileNotFoundError:
            self._absences.miss(arrival.path)
        except IsADirectoryError:
            self._on_folder(arrival)
            return
        except Unsettled as unsettled:
            self._arrivals.later(arrival, time.monotonic(), unsettled.seconds, unsettled=True)
        except TransientError as error:
            log.warning("file_postponed", path=readable(arrival.path), error=str(error))
            self._arrivals.later(arrival, time.monotonic(), AGAIN_SECONDS)
        self._arrivals.done(arrival)

    async def _look(self, arrival: Arrival) -> None:
        place = self._folder.place(arrival.path)
        if rule := self._rules.ignoring(place.path):
            self._list_ignored(place, rule)
            return
        try:
            reading = await self._reading(arrival, place)
            self._absences.found(arrival.path)
            if reading:
                await self._folder.lists.on_file_read(place, reading, Lane.BULK if arrival.bulk else Lane.FRESH)
        except Unreadable as error:
            self._refuse_for_now(place, str(error))
        except (FileNotFoundError, IsADirectoryError, Unsettled, TransientError):
            raise
        except Exception as error:  # a bug that one file brings up must not stop all others
            log.exception("file_failed", path=readable(arrival.path))
            self._refuse_for_now(
                place, f"The file cannot be read, by a mistake of ours: {type(error).__name__}: {error}."
            )

    async def _reading(self, arrival: Arrival, place: Place) -> Reading | None:
        known = _known(self._folder.ledger.at(place), arrival)
        if arrival.hold:  # else it was just written: that a list is as it was is not worth trusting its stamp
            known = known or self._folder.sightings.lists_of(place.inbox, [place.path]).get(place.path)
        elsewhere = self._folder.is_written_elsewhere(place.path)

        def stillness(status: os.stat_result) -> tuple[float, float]:
            stamp, linked = Stamp.of(status), status.st_nlink > 1
            return arrival.stillness(stamp, time.monotonic(), time.time(), linked=linked, elsewhere=elsewhere)

        limit = self._folder.settings.max_file_bytes
        return await asyncio.to_thread(
            self._folder.inbox.read, place.path, known, stillness, self._folder.blobs, limit, elsewhere=elsewhere
        )

    def _refuse_for_now(self, place: Place, reason: str) -> None:
        """List it; the next scan looks again."""
        self._folder.librarian.on_unreadable(place, Reading(NO_STAMP, time.time_ns(), reason=reason))
        log.warning("file_unreadable", path=readable(place.path), reason=reason)

    def _list_ignored(self, place: Place, rule: str) -> None:
        status = self._folder.inbox.status(place.path)
        if status is None:
            self._folder.sightings.forget(place)
        else:
            slash = b"/" if stat.S_ISDIR(status.st_mode) else b""
            self._folder.sightings.ignore(place.inbox, [(place.path + slash, rule)])


def _known(entry: LedgerEntry | None, arrival: Arrival) -> Stamp | None:
    """Return the stamp by which the file need not be read again."""
    if entry is None or entry.kept or entry.content_hash is None:  # what was refused may be read by now
        return None
    written_after_all = arrival.hold == 0 and entry.stamp.changed_ns > entry.seen_ns - RACY_NS
    return None if written_after_all else entry.stamp
