"""Looks at what lies in an inbox and what happens in it, and lets the librarian enter each file once it is whole.

The folder's events are for speed, the scan (at the start, every minute, and when events were lost) for truth. What a
scan finds waits on disk and is read newest first, and gives way to what happens meanwhile.
"""

import asyncio
import os
import time
from contextlib import closing

import structlog

from services.fetcher.absences import Absences
from services.fetcher.adapters.folder_events import FolderEvent, Happened
from services.fetcher.domain.arrivals import PROMISED_SECONDS, Arrival, Arrivals
from services.fetcher.domain.identity import readable
from services.fetcher.domain.rules import IGNORE_FILE, Rules
from services.fetcher.readers import AGAIN_SECONDS, Readers
from services.fetcher.scanner import Found, Scan, Scanner
from services.fetcher.watched import WatchedFolder
from shared.errors import TransientError

log = structlog.get_logger()

#: Seconds until something that a rule leaves out is listed: most of it is a sender's temporary file.
LIST_IGNORED_SECONDS = 1.0
#: Seconds without a look after which the watcher counts as stuck.
IDLE_SECONDS = 10.0
#: Files in memory that wait to be looked at; what happens to more is noted on disk.
MOST_WAITING = 10_000
#: Files of a folder that was moved in that are looked at as what was dropped just now; more are a bulk.
MOST_MOVED_IN = 200
#: Seconds of the first scan in which nothing is read of what it finds: it is faster so, and the newest come first.
FIRST_SCAN_SECONDS = 10.0
#: Seconds a file must hold still after what the event says of it; after any other, the settling time.
HOLD_SECONDS = {Happened.WHOLE: 0.0, Happened.BEGUN: PROMISED_SECONDS}
#: Of an inbox that has to be polled, how often its scan's own duration passes between two scans: 5 % of a core.
POLL_SHARE = 20


class Watcher:
    """Watches one inbox; `run` never ends by itself."""

    def __init__(self, folder: WatchedFolder) -> None:
        self._folder = folder
        self._rules = Rules()
        self._scanner = Scanner(folder, self._rules)
        self._arrivals = Arrivals()
        self._absences = Absences(folder, self._arrivals)
        self._news = asyncio.Event()
        self._scan_wanted = asyncio.Event()
        self._moved_in: asyncio.Queue[Arrival] = asyncio.Queue()
        self._readers = Readers(
            folder, self._rules, self._arrivals, self._absences, self._news, self._moved_in.put_nowait
        )
        self._recheck = True  # what the rules were when the ledger was written is not known
        self._root = folder.inbox.identity()
        self._last_tick = time.monotonic()
        self._watch_fault: str | None = None
        self._scanned = False

    def __len__(self) -> int:
        """Return how many files wait in memory to be looked at."""
        return len(self._arrivals)

    @property
    def has_read_all(self) -> bool:
        """Whether all that lay there at the start has been seen, and nothing waits but what is being written."""
        return self._scanned and self._arrivals.oldest() is None

    def faults(self) -> list[str]:
        """Return what keeps the inbox from being watched."""
        inbox = self._folder.inbox
        if not inbox.is_there():  # an event may not tell, and the next scan may be a minute away
            return [f"the inbox {inbox.name} is not there"]
        idle = time.monotonic() - max(self._last_tick, self._readers.last_tick)
        stuck = f"not looked for {idle:.0f} s" if idle > IDLE_SECONDS else None
        return [f for f in (self._readers.disk_fault, self._watch_fault, self._absences.fault, stuck) if f]

    async def run(self) -> None:
        """Watch, scan and look, side by side."""
        with closing(self._folder.events):
            await self._run()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._scan_regularly())
            tasks.create_task(self._mind_absences())
            tasks.create_task(self._look_into_folders())
            for folder in self._folder.unheard:
                tasks.create_task(self._poll(folder))
            tasks.create_task(self._readers.run())

    # What happens

    async def _watch(self) -> None:
        while True:
            try:
                async for batch in self._folder.events.batches():
                    self._watch_fault = None
                    for event in batch:
                        self._note(event)
                    self._news.set()
            except TransientError as error:  # the ledger: what was told is found by a scan
                log.warning("events_postponed", error=str(error))
                self._scan_wanted.set()
            except (OSError, RuntimeError) as error:  # the folder is gone
                self._watch_fault = f"the inbox {self._folder.inbox.name} cannot be watched, only scanned: {error}"
                log.warning("watch_failed", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    def _note(self, event: FolderEvent) -> None:
        if not event.path:
            self._scan_wanted.set()
            return
        now = time.monotonic()
        if len(self._arrivals) >= MOST_WAITING:  # most of them hold still: on disk, too, it is soon looked at
            self._folder.sightings.find(self._folder.inbox.name, [(event.path, time.time_ns())])
            return
        if event.happened is Happened.WRITTEN:
            self._arrivals.expect(event.path, now)
            return
        if os.path.basename(event.path) == IGNORE_FILE:  # noqa: PTH119  bytes: pathlib has none
            self._scan_wanted.set()
        hold = HOLD_SECONDS.get(event.happened, self._folder.settings.settle_seconds)
        delay = LIST_IGNORED_SECONDS if self._rules.ignoring(event.path) else 0.0
        self._arrivals.note(event.path, now, hold, delay=delay)

    # What lies there

    async def _scan_regularly(self) -> None:
        self._readers.bulk_from = time.monotonic() + FIRST_SCAN_SECONDS
        while True:
            self._scan_wanted.clear()
            started = time.monotonic()
            if self._folder.inbox.is_there():
                await self._scan(b"")
            self._scanned, self._readers.bulk_from = True, 0.0
            took = time.monotonic() - started
            seconds = self._folder.settings.scan_seconds
            if self._folder.events.fault():
                seconds = min(seconds, max(self._folder.settings.poll_seconds, POLL_SHARE * took))
            try:
                async with asyncio.timeout(seconds):
                    await self._scan_wanted.wait()
                await asyncio.sleep(max(AGAIN_SECONDS, took))  # while more is lost, scan half of the time at most
            except TimeoutError:
                continue

    async def _poll(self, folder: bytes) -> None:
        while True:
            started = time.monotonic()
            if not self._folder.inbox.is_gone(folder + b"/"):
                await self._scan(folder)
            await asyncio.sleep(max(self._folder.settings.poll_seconds, POLL_SHARE * (time.monotonic() - started)))

    async def _scan(self, folder: bytes) -> None:
        scan, self._recheck = Scan(folder, recheck=self._recheck), self._recheck and bool(folder)
        try:
            async for found in self._scanner.run(scan):
                self._folder.sightings.find(
                    self._folder.inbox.name, [(f.path, f.stamp.modified_ns) for f in found.news]
                )
                self._enter(found)
                self._news.set()
            await self._absences.look_for_missing(scan, self._scanner)
        except TransientError as error:
            log.warning("scan_postponed", error=str(error))
            self._recheck = self._recheck or scan.recheck

    def _enter(self, found: Found) -> None:
        for folder in found.refused:
            self._folder.librarian.on_folder_refused(self._folder.place(folder.path), folder.stamp, folder.reason or "")
        for path in found.left_out:
            self._folder.librarian.on_file_left_out(self._folder.place(path))
            self._folder.sightings.forget_list(self._folder.place(path))

    async def _look_into_folders(self) -> None:
        while True:
            arrival = await self._moved_in.get()
            try:
                await self._look_beneath(arrival)
            except TransientError as error:
                log.warning("folder_postponed", path=readable(arrival.path), error=str(error))
                self._arrivals.later(arrival, time.monotonic(), AGAIN_SECONDS)
            finally:
                self._arrivals.done(arrival)

    async def _look_beneath(self, arrival: Arrival) -> None:
        """It is a folder, new or moved: watch it, and look at what lies in it as at what was dropped just now."""
        self._absences.found(arrival.path)
        if rule := self._rules.ignoring(arrival.path + b"/"):
            self._folder.sightings.ignore(self._folder.inbox.name, [(arrival.path + b"/", rule)])
            return
        if self._folder.ledger.at(self._folder.place(arrival.path)):  # a file was there, or a folder that was refused
            self._absences.miss(arrival.path)
        now, left, scan = time.monotonic(), MOST_MOVED_IN, Scan(arrival.path, afresh=True)
        async for found in self._scanner.run(scan):
            self._enter(found)
            for sighting in found.news[:left]:
                self._arrivals.note(sighting.path, now, self._folder.settings.settle_seconds, since=arrival.noted)
            later = [(sighting.path, sighting.stamp.modified_ns) for sighting in found.news[left:]]
            self._folder.sightings.find(self._folder.inbox.name, later)
            left = max(0, left - len(found.news))
            self._news.set()
        if scan.recheck:  # it brought an ignore file
            self._recheck = True
            self._scan_wanted.set()

    async def _mind_absences(self) -> None:
        while True:
            self._last_tick = time.monotonic()
            identity = self._folder.inbox.identity()
            if identity != self._root:  # another folder, or disk, is in its place: nothing tells what happens there
                self._root = identity
                self._scan_wanted.set()
            try:
                await self._absences.enter(time.monotonic())
            except TransientError as error:
                log.warning("absences_postponed", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS / 4 if self._absences else AGAIN_SECONDS)
