"""Looks at what lies in an inbox and what happens in it, and lets the librarian enter each file once it is whole.

The folder's events are for speed, the scan (at the start, every minute, and when events were lost) for truth. What a
scan finds waits on disk and is read newest first, and gives way to what happens meanwhile.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import structlog

from services.fetcher.absences import Absences
from services.fetcher.adapters.folder_events import FolderEvent, FolderEvents, Happened
from services.fetcher.adapters.inbox import Inbox, Unsettled
from services.fetcher.adapters.ledger import Lane, Ledger, LedgerEntry
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.arrivals import PROMISED_SECONDS, Arrival, Arrivals
from services.fetcher.domain.identity import Place, Stamp, readable
from services.fetcher.domain.rules import IGNORE_FILE, Rules
from services.fetcher.handlers import Librarian
from services.fetcher.lists import Lists
from services.fetcher.scanner import Found, Scan, Scanner
from services.fetcher.settings import FetcherSettings
from shared.blobs import BlobStore
from shared.errors import TransientError

log = structlog.get_logger()

#: Files read at the same time: enough to keep a disk busy, few enough to leave the machine to the parser. One of the
#: readers takes nothing a scan has found, so that a dropped file never waits for large old ones.
READERS = 4
#: Seconds until a file that could not be read for now is looked at again.
AGAIN_SECONDS = 1.0
#: Seconds until something that a rule leaves out is listed: most of it is a sender's temporary file.
LIST_IGNORED_SECONDS = 1.0
#: Seconds without a look after which the watcher counts as stuck.
IDLE_SECONDS = 10.0
#: Files in memory that wait to be looked at; beyond them, events are dropped and a scan finds the files.
MOST_WAITING = 10_000
#: Files taken from those found by a scan at a time.
TAKEN = 64
#: Nanoseconds around its last change in which a file's stamp may hide another change: file systems' clocks are coarse.
RACY_NS = 50_000_000
#: Seconds a file must hold still after what the event says of it; after any other, the settling time.
HOLD_SECONDS = {Happened.WHOLE: 0.0, Happened.BEGUN: PROMISED_SECONDS}
#: Of an inbox that has to be polled, how often its scan's own duration passes between two scans: 5 % of a core.
POLL_SHARE = 20


class Watcher:
    """Watches one inbox; `run` never ends by itself.

    Args:
        unheard: folders of the inbox whose changes are not told, to be polled.
        room: says why nothing may be read for now, None when it may.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what it looks at, and whom it tells
        self,
        inbox: Inbox,
        events: FolderEvents,
        ledger: Ledger,
        sightings: Sightings,
        librarian: Librarian,
        lists: Lists,
        blobs: BlobStore,
        room: Callable[[], str | None],
        settings: FetcherSettings,
        unheard: Sequence[bytes] = (),
    ) -> None:
        self._inbox = inbox
        self._events = events
        self._ledger = ledger
        self._sightings = sightings
        self._librarian = librarian
        self._lists = lists
        self._blobs = blobs
        self._room = room
        self._settings = settings
        self._unheard = unheard
        self._rules = Rules()
        self._scanner = Scanner(inbox, self._rules, events, ledger, sightings)
        self._arrivals = Arrivals()
        self._absences = Absences(inbox, ledger, librarian, self._arrivals, sightings)
        self._news = asyncio.Event()
        self._scan_wanted = asyncio.Event()
        self._recheck = True  # what the rules were when the ledger was written is not known
        self._root = inbox.identity()
        self._last_tick = time.monotonic()
        self._watch_fault: str | None = None
        self._disk_fault: str | None = None
        self._next_look_at_disk = 0.0

    def __len__(self) -> int:
        """Return how many files wait in memory to be looked at."""
        return len(self._arrivals)

    def faults(self) -> list[str]:
        """Return what keeps the inbox from being watched."""
        if not self._inbox.is_there():  # an event may not tell, and the next scan may be a minute away
            return [f"the inbox {self._inbox.name} is not there"]
        idle = time.monotonic() - self._last_tick
        stuck = f"not looked for {idle:.0f} s" if idle > IDLE_SECONDS else None
        return [f for f in (self._disk_fault, self._watch_fault, self._absences.fault, stuck) if f]

    async def run(self) -> None:
        """Watch, scan and look, side by side."""
        with closing(self._events):
            await self._run()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._scan_regularly())
            tasks.create_task(self._mind_absences())
            for folder in self._unheard:
                tasks.create_task(self._poll(folder))
            for reader in range(READERS):
                tasks.create_task(self._read(bulk=reader > 0))

    # What happens

    async def _watch(self) -> None:
        while True:
            try:
                async for batch in self._events.batches():
                    self._watch_fault = None
                    for event in batch:
                        self._note(event)
                    self._news.set()
            except (OSError, RuntimeError) as error:  # the folder is gone
                self._watch_fault = f"the inbox {self._inbox.name} cannot be watched, only scanned: {error}"
                log.warning("watch_failed", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    def _note(self, event: FolderEvent) -> None:
        if not event.path or len(self._arrivals) >= MOST_WAITING:
            self._scan_wanted.set()
            return
        if os.path.basename(event.path) == IGNORE_FILE:  # noqa: PTH119  bytes: pathlib has none
            self._scan_wanted.set()
        hold = HOLD_SECONDS.get(event.happened, self._settings.settle_seconds)
        delay = LIST_IGNORED_SECONDS if self._rules.ignoring(event.path) else 0.0
        self._arrivals.note(event.path, time.monotonic(), hold, delay=delay)

    # What lies there

    async def _scan_regularly(self) -> None:
        while True:
            self._scan_wanted.clear()
            started = time.monotonic()
            if self._inbox.is_there():
                await self._scan(b"")
            seconds = self._settings.scan_seconds
            if self._events.fault():
                seconds = min(seconds, max(self._settings.poll_seconds, POLL_SHARE * (time.monotonic() - started)))
            try:
                async with asyncio.timeout(seconds):
                    await self._scan_wanted.wait()
            except TimeoutError:
                continue
            while len(self._arrivals) > MOST_WAITING // 2:  # noqa: ASYNC110  an event would have to tell of each file
                await asyncio.sleep(AGAIN_SECONDS)

    async def _poll(self, folder: bytes) -> None:
        while True:
            started = time.monotonic()
            if not self._inbox.is_gone(folder + b"/"):
                await self._scan(folder)
            await asyncio.sleep(max(self._settings.poll_seconds, POLL_SHARE * (time.monotonic() - started)))

    async def _scan(self, folder: bytes) -> None:
        scan, self._recheck = Scan(folder, recheck=self._recheck), self._recheck and bool(folder)
        try:
            async for found in self._scanner.run(scan):
                self._sightings.find(self._inbox.name, [(f.path, f.stamp.modified_ns) for f in found.news])
                self._enter(found)
                self._news.set()
            await self._absences.look_for_missing(scan, self._scanner)
        except TransientError as error:
            log.warning("scan_postponed", error=str(error))
            self._recheck = self._recheck or scan.recheck

    def _enter(self, found: Found) -> None:
        for folder in found.refused:
            self._librarian.on_folder_refused(self._place(folder.path), folder.stamp, folder.reason or "")
        for path in found.left_out:
            self._librarian.on_file_left_out(self._place(path))
            self._sightings.forget_list(self._place(path))

    def _place(self, path: bytes) -> Place:
        return Place(self._inbox.name, path)

    # Looking

    async def _read(self, *, bulk: bool) -> None:
        while True:
            self._last_tick = time.monotonic()
            if self._full():
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            arrival = self._arrivals.take(self._last_tick, bulk=bulk)
            if arrival:
                await self._look_and_tell(arrival)
            elif not (bulk and self._take_found()):
                await self._wait_for_news(bulk=bulk)

    def _take_found(self) -> bool:
        now, paths = time.monotonic(), list[bytes]()
        if self._sightings.found:
            paths = self._sightings.take_newest(self._inbox.name, TAKEN)
        for path in paths:
            self._arrivals.note(path, now, self._settings.settle_seconds, bulk=True)
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
            fault = self._room()
            if bool(fault) != bool(self._disk_fault):
                log.warning("disk_full" if fault else "disk_has_room", fault=fault)
            self._disk_fault = fault
        return self._disk_fault is not None

    async def _look_and_tell(self, arrival: Arrival) -> None:
        try:
            await self._look(arrival)
        except FileNotFoundError:
            self._absences.miss(arrival.path)
        except IsADirectoryError:
            await self._look_beneath(arrival)
        except Unsettled as unsettled:
            self._arrivals.later(arrival, time.monotonic(), unsettled.seconds)
        except TransientError as error:
            log.warning("file_postponed", path=readable(arrival.path), error=str(error))
            self._arrivals.later(arrival, time.monotonic(), AGAIN_SECONDS)
        finally:
            self._arrivals.done(arrival)

    async def _look(self, arrival: Arrival) -> None:
        place = self._place(arrival.path)
        if rule := self._rules.ignoring(place.path):
            self._list_ignored(place, rule)
            return
        known = _known(self._ledger.at(place), arrival)
        if arrival.hold:  # else it was just written: that a list is as it was is not worth trusting its stamp
            known = known or self._sightings.lists_of(place.inbox, [place.path]).get(place.path)
        reading = await asyncio.to_thread(
            self._inbox.read,
            arrival.path,
            known,
            lambda stamp: arrival.stillness(stamp, time.monotonic(), time.time()),
            self._blobs,
            self._settings.max_file_bytes,
        )
        self._absences.found(arrival.path)
        if reading:
            await self._lists.on_file_read(place, reading, Lane.BULK if arrival.bulk else Lane.FRESH)

    def _list_ignored(self, place: Place, rule: str) -> None:
        if self._inbox.is_gone(place.path):
            self._sightings.forget(place)
        else:
            self._sightings.ignore(place.inbox, [(place.path, rule)])

    async def _look_beneath(self, arrival: Arrival) -> None:
        """It is a folder, new or moved: watch it, and look at what lies in it as at what was dropped just now."""
        self._absences.found(arrival.path)
        if rule := self._rules.ignoring(arrival.path + b"/"):
            self._sightings.ignore(self._inbox.name, [(arrival.path + b"/", rule)])
            return
        if self._ledger.at(self._place(arrival.path)):  # a file was there, or a folder that was refused
            self._absences.miss(arrival.path)
        now, scan = time.monotonic(), Scan(arrival.path)
        async for found in self._scanner.run(scan):
            self._enter(found)
            for sighting in found.news:
                if len(self._arrivals) < MOST_WAITING:
                    self._arrivals.note(sighting.path, now, self._settings.settle_seconds, since=arrival.noted)
                else:
                    self._sightings.find(self._inbox.name, [(sighting.path, sighting.stamp.modified_ns)])
            self._news.set()
        if scan.recheck:  # it brought an ignore file
            self._recheck = True
            self._scan_wanted.set()

    async def _mind_absences(self) -> None:
        while True:
            self._last_tick = time.monotonic()
            identity = self._inbox.identity()
            if identity != self._root:  # another folder, or disk, is in its place: nothing tells what happens there
                self._root = identity
                self._scan_wanted.set()
            try:
                await self._absences.enter(time.monotonic())
            except TransientError as error:
                log.warning("absences_postponed", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS / 4 if self._absences else AGAIN_SECONDS)


def _known(entry: LedgerEntry | None, arrival: Arrival) -> Stamp | None:
    """Return the stamp by which the file need not be read again."""
    if entry is None or entry.kept:
        return None
    written_after_all = arrival.hold == 0 and entry.stamp.changed_ns > entry.seen_ns - RACY_NS
    return None if written_after_all else entry.stamp
