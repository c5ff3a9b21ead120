"""Files that are gone, or have moved: which of the two is known once what arrived before has been read."""

import asyncio
import json
import os
import time

import structlog

from services.fetcher.adapters.mounts import mounted_beneath
from services.fetcher.domain.arrivals import Arrivals
from services.fetcher.domain.identity import Place, readable
from services.fetcher.scanner import Scan, Scanner
from services.fetcher.watched import WatchedFolder

log = structlog.get_logger()

#: Seconds after which it counts as gone though something that arrived before it has not been read yet.
LONGEST_WAIT_SECONDS = 30.0
#: The same for what a scan misses, or a folder, while files that scans have found wait to be read: one may be it.
LONGEST_BULK_WAIT_SECONDS = 600.0
#: Seconds between two looks whether there is room for more absences.
AGAIN_SECONDS = 1.0
#: Absences in memory; a scan waits for them to be entered before it looks for more.
MOST_MISSED = 5_000
#: Files that are looked for, or entered, at a time, between which others get their turn.
STEP = 200


class Absences:
    """Paths of one inbox at which there was a file."""

    def __init__(self, folder: WatchedFolder, arrivals: Arrivals) -> None:
        self._inbox = folder.inbox
        self._ledger = folder.ledger
        self._librarian = folder.librarian
        self._sightings = folder.sightings
        self._move_seconds = folder.move_seconds
        self._arrivals = arrivals
        self._missed: dict[bytes, tuple[float, bool]] = {}  # path → monotonic seconds, and whether by a scan
        self._unmounted: list[bytes] = []  # folders on which a disk was
        self._replaced: str | None = None

    @property
    def fault(self) -> str | None:
        """Why nothing, or not all, is taken for gone; None when all is well."""
        if self._replaced or not self._unmounted:
            return self._replaced
        folder = readable(self._unmounted[0])
        return (
            f"{folder} in the inbox {self._inbox.name} is empty, and a disk was mounted there: its documents stay; "
            "put any file into the folder, or remove it, if they are to go"
        )

    def __len__(self) -> int:
        return len(self._missed)

    def miss(self, path: bytes, *, by_scan: bool = False) -> None:
        """No file is at this path."""
        self._missed.setdefault(path, (time.monotonic(), by_scan))

    def found(self, path: bytes) -> None:
        """Something is there."""
        self._missed.pop(path, None)

    async def look_for_missing(self, scan: Scan, scanner: Scanner) -> None:
        """The scan has ended: miss what it has not seen."""
        self._miss_lists()
        known = self._ledger.files(Place(self._inbox.name, scan.folder))
        if not scan.folder:
            self._replaced = self._told_replaced(scan, known)
            self._unmounted = await self._without_their_disks()
            if scan.ignored < self._sightings.ignored_in(self._inbox.name):
                await scanner.forget_ignored(scan, STEP)
        if scan.known > known:  # some went meanwhile, or what was remembered of the folders is wrong
            scanner.forget()
        if scan.known >= known or self._replaced:
            return
        async for missing in scanner.missing(scan, STEP):
            while len(self._missed) >= MOST_MISSED:  # noqa: ASYNC110  `enter` makes room once a second anyway
                await asyncio.sleep(AGAIN_SECONDS)
            for path in missing.gone:
                self.miss(path, by_scan=True)
            for path in missing.left_out:
                self._librarian.on_file_left_out(Place(self._inbox.name, path))

    def _miss_lists(self) -> None:
        for path in self._sightings.lists_in(self._inbox.name):
            if self._inbox.is_gone(path):
                self.miss(path, by_scan=True)

    def _told_replaced(self, scan: Scan, known: int) -> str | None:
        """Return in words that an empty folder is in the inbox's place: it may be the disk that is not mounted."""
        identity, fact = str(self._inbox.identity()), f"inbox.{self._inbox.name}"
        if known and not scan.seen and identity != (self._ledger.fact(fact) or identity):
            return (
                f"the inbox {self._inbox.name} is empty and is not the folder it was: is its disk mounted? "
                f"Its {known:,} documents stay; put any file into it if they are to go"
            )
        self._ledger.remember(fact, identity)
        return None

    async def _without_their_disks(self) -> list[bytes]:
        """Return the folders that something was mounted on at an earlier scan, and that are empty without it."""
        fact = f"mounts.{self._inbox.name}"
        mounted = {os.fsdecode(folder) for folder in await asyncio.to_thread(mounted_beneath, self._inbox.root)}
        before = set(json.loads(self._ledger.fact(fact) or "[]"))
        missing = {f for f in before - mounted if await asyncio.to_thread(self._inbox.is_empty, os.fsencode(f))}
        if (kept := mounted | missing) != before:
            self._ledger.remember(fact, json.dumps(sorted(kept)))
        return [os.fsencode(folder) for folder in sorted(missing)]

    async def enter(self, now: float) -> None:
        """Enter what has been away for long enough."""
        if self._replaced or not self._inbox.is_there():
            return
        oldest, waiting = self._arrivals.oldest(), self._sightings.waiting(self._inbox.name)
        for path, (missed, by_scan) in list(self._missed.items()):
            waited = now - missed
            unread = oldest is not None and oldest <= missed and waited < LONGEST_WAIT_SECONDS
            if waited < self._move_seconds or unread or (waiting and self._may_be_found(path, waited, by_scan=by_scan)):
                continue
            if not self._is_unmounted(path) and (path.endswith(b"/") or self._inbox.is_gone(path)):
                await self._enter_gone(Place(self._inbox.name, path))
            self._missed.pop(path, None)
            await asyncio.sleep(0)

    def _is_unmounted(self, path: bytes) -> bool:
        return any(path.startswith(folder + b"/") for folder in self._unmounted)

    def _may_be_found(self, path: bytes, waited: float, *, by_scan: bool) -> bool:
        if waited >= LONGEST_BULK_WAIT_SECONDS:
            return False
        return by_scan or self._ledger.at(Place(self._inbox.name, path)) is None

    async def _enter_gone(self, place: Place) -> None:
        self._librarian.on_file_gone(place)
        self._sightings.forget_list(place)
        after = b""
        while paths := self._ledger.paths(place, after, STEP):
            for path in paths:
                if self._inbox.is_gone(path):
                    self._librarian.on_file_gone(place._replace(path=path))
            after = paths[-1]
            await asyncio.sleep(0)
