"""Looks at what lies in the inbox and what happens in it, and lets the librarian enter each file once it has settled.

The folder's events are for speed, the scan (at the start and every minute) for truth: an event can be lost.
"""

import asyncio
import stat
import time
from collections.abc import Callable

import structlog

from services.fetcher.adapters.inbox import FileChanged, Inbox
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.domain.arrivals import Arrivals
from services.fetcher.domain.identity import Stamp, readable
from services.fetcher.handlers import Librarian
from shared.errors import TransientError

log = structlog.get_logger()

#: Files read at the same time: enough to keep a disk busy, few enough to leave the machine to the parser.
READERS = 4
#: Seconds between two looks for files that are due.
TICK_SECONDS = 0.02
#: Seconds until a file that could not be read for now is looked at again.
AGAIN_SECONDS = 1.0
#: Seconds a vanished file is waited for at most, for its bytes to turn up elsewhere: then it was not moved.
LONGEST_WAIT_SECONDS = 30.0
#: Seconds without a look after which the watcher counts as stuck.
IDLE_SECONDS = 10.0
#: Files of a scan noted at a time, between which events and heartbeats get their turn.
SCAN_STEP = 200


class Watcher:
    """Watches one inbox; `run` never ends by itself. `room` says why nothing may be read for now, None when it may."""

    def __init__(  # noqa: PLR0913  what it looks at, whom it tells, and how often
        self,
        inbox: Inbox,
        ledger: Ledger,
        librarian: Librarian,
        room: Callable[[], str | None],
        *,
        settle_seconds: float,
        scan_seconds: float,
    ) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._librarian = librarian
        self._room = room
        self._arrivals = Arrivals(settle_seconds)
        self._move_seconds = 2 * settle_seconds + 0.25  # until the file at the new path has been read, too
        self._scan_seconds = scan_seconds
        self._gone: dict[bytes, float] = {}  # path → monotonic seconds it was missed
        self._readers = asyncio.Semaphore(READERS)
        self._last_tick = time.monotonic()
        self._watch_fault: str | None = None
        self._disk_fault: str | None = None
        self._next_look_at_disk = 0.0

    def faults(self) -> list[str]:
        """Return what keeps the inbox from being watched."""
        if not self._inbox.is_there():  # an event may not tell, and the next scan may be a minute away
            return ["the inbox is not there"]
        idle = time.monotonic() - self._last_tick
        return [
            f
            for f in (
                self._disk_fault,
                self._watch_fault,
                f"not looked for {idle:.0f} s" if idle > IDLE_SECONDS else None,
            )
            if f
        ]

    async def run(self) -> None:
        """Watch, scan and look, side by side."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._scan_regularly())
            await self._look_at_due(tasks)

    async def _watch(self) -> None:
        while True:
            try:
                async for paths in self._inbox.changes():
                    self._watch_fault = None
                    self._arrivals.note(paths, time.monotonic())
            except (OSError, RuntimeError) as error:  # the folder is gone, or the kernel's watches are used up
                self._watch_fault = f"the inbox cannot be watched, only scanned: {error}"
                log.warning("watch_failed", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _scan_regularly(self) -> None:
        while True:
            if self._inbox.is_there():
                await self._scan()
            else:
                self._watch_fault = "the inbox is not there"
                log.error("inbox_missing")
            await asyncio.sleep(self._scan_seconds)

    async def _scan(self) -> None:
        found = await asyncio.to_thread(lambda: list(self._inbox.scan()))
        candidates = list(dict.fromkeys([*found, *self._ledger.paths()]))
        for i in range(0, len(candidates), SCAN_STEP):
            self._arrivals.note(filter(self._is_news, candidates[i : i + SCAN_STEP]), time.monotonic())
            await asyncio.sleep(0)

    def _is_news(self, path: bytes) -> bool:
        status = self._inbox.status(path)
        return status is None or not self._librarian.is_known(path, Stamp.of(status))

    async def _look_at_due(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._last_tick = time.monotonic()
            if self._full():
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            for path in self._arrivals.take_due(time.monotonic(), READERS):
                await self._readers.acquire()
                tasks.create_task(self._look_and_release(path))
            self._remove_gone(time.monotonic())
            await asyncio.sleep(TICK_SECONDS)

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

    async def _look_and_release(self, path: bytes) -> None:
        try:
            await self._look(path)
        except FileNotFoundError:
            self._gone.setdefault(path, time.monotonic())
        except FileChanged:
            self._arrivals.later(path, time.monotonic(), AGAIN_SECONDS / 4)
        except TransientError as error:
            log.warning("file_postponed", path=readable(path), error=str(error))
            self._arrivals.later(path, time.monotonic(), AGAIN_SECONDS)
        finally:
            self._arrivals.done(path)
            self._readers.release()

    async def _look(self, path: bytes) -> None:
        status = self._inbox.status(path)
        if status is None:
            raise FileNotFoundError(path)
        self._gone.pop(path, None)
        if stat.S_ISDIR(status.st_mode):
            self._arrivals.note(await asyncio.to_thread(lambda: list(self._inbox.scan(path))), time.monotonic())
            return
        stamp = Stamp.of(status)
        if self._librarian.is_known(path, stamp):
            return
        age = time.time() - status.st_mtime
        if self._arrivals.settled(path, stamp, time.monotonic(), age):
            await self._librarian.on_file_settled(path, stamp)

    def _remove_gone(self, now: float) -> None:
        """Enter what has vanished, once whatever arrived before it has been looked at: it may have been moved."""
        for path, missed in list(self._gone.items()):
            waited = now - missed
            if waited < self._move_seconds or (self._arrivals and waited < LONGEST_WAIT_SECONDS):
                continue
            del self._gone[path]
            if self._inbox.status(path) is None and self._inbox.is_there():
                try:
                    for beneath in (path, *self._ledger.paths_beneath(path)):
                        self._librarian.on_file_gone(beneath)
                except TransientError as error:
                    log.warning("file_postponed", path=readable(path), error=str(error))
                    self._gone[path] = missed
                    return
