"""What happens in a folder and beneath, told at once: port and its implementations, chosen by where the folder lies.

`InotifyEvents` on Linux; `WatchfilesEvents` where there is no inotify; `NoEvents` where the kernel is not told what
others write (network and desktop mounts): such a folder is scanned every few seconds instead.
"""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import structlog
from watchfiles import awatch

if sys.platform == "linux":
    import inotify_simple
    from inotify_simple import flags

log = structlog.get_logger()

#: Milliseconds in which watchfiles gathers changes. Its default of 1,600 would be felt.
GATHER_MS, STEP_MS = 200, 20


class Happened(Enum):
    """What an event says of the file."""

    CHANGED = "changed"  # something about it is other than before
    BEGUN = "begun"  # it is new, and its writer will say when it has closed it
    WRITTEN = "written"  # somebody writes to it, and will say when it is closed
    WHOLE = "whole"  # its writer has closed it, or it was renamed into place
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class FolderEvent:
    """Something happened to the file or folder at this path; the empty path: events were lost, look at everything."""

    path: bytes
    happened: Happened


class FolderEvents(Protocol):
    """The events of one folder."""

    def watch(self, folder: bytes, descriptor: int) -> None:
        """Tell what happens in this folder, too; called before the folder is listed."""
        ...

    def fault(self) -> str | None:
        """Return in words why not everything is told; None when it is."""
        ...

    def batches(self) -> AsyncIterator[list[FolderEvent]]:
        """Yield events as they happen."""
        ...

    def close(self) -> None:
        """Watch no more."""
        ...


class NoEvents:
    """A folder whose changes are not told."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def watch(self, folder: bytes, descriptor: int) -> None:
        """Nothing can be watched."""

    def fault(self) -> str | None:
        """Return why."""
        return self._reason

    async def batches(self) -> AsyncIterator[list[FolderEvent]]:
        """Never yield."""
        await asyncio.Event().wait()
        yield []

    def close(self) -> None:
        """Nothing was watched."""


class InotifyEvents:
    """inotify(7), one watch for each folder: tells when a writer has closed its file, which no look can know."""

    def __init__(self) -> None:
        self._inotify = inotify_simple.INotify(nonblocking=True)
        self._folders: dict[int, bytes] = {}  # watch → folder
        self._watches: dict[bytes, int] = {}
        self._fault: str | None = None

    def watch(self, folder: bytes, descriptor: int) -> None:
        """Watch this folder; by its descriptor, so that no link leads elsewhere and no path is too long."""
        try:
            watch = self._inotify.add_watch(f"/proc/self/fd/{descriptor}", MASK)
        except OSError as error:
            self._give_up(error)
            return
        before = self._folders.get(watch)
        if before is not None and before != folder:  # it was moved
            self._watches.pop(before, None)
        self._folders[watch], self._watches[folder] = folder, watch

    def _give_up(self, error: OSError) -> None:
        used_up = error.errno == errno.ENOSPC
        why = "the kernel's watches are used up (raise fs.inotify.max_user_watches)" if used_up else error.strerror
        if self._fault is None:
            log.warning("folders_unwatched", error=str(error))
        self._fault = f"some folders are scanned instead of watched: {why}"

    def fault(self) -> str | None:
        """Return why some folders are not watched."""
        return self._fault

    async def batches(self) -> AsyncIterator[list[FolderEvent]]:
        """Yield events as they happen."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._inotify.fileno(), ready.set)
        try:
            while True:
                await ready.wait()
                ready.clear()
                yield [event for told in self._inotify.read(timeout=0) for event in self._told(told)]
        finally:
            loop.remove_reader(self._inotify.fileno())

    def _told(self, event: "inotify_simple.Event") -> Iterator[FolderEvent]:
        if event.mask & flags.Q_OVERFLOW:
            log.warning("folder_events_lost")
            yield FolderEvent(b"", Happened.CHANGED)
        elif event.mask & flags.IGNORED:
            self._unwatch(event.wd)
        elif event.name and (folder := self._folders.get(event.wd)) is not None:
            path = os.path.join(folder, os.fsencode(event.name))  # noqa: PTH118  bytes: pathlib has none
            if event.mask & flags.ISDIR and event.mask & flags.MOVED_FROM:
                self._unwatch_beneath(path)
            yield FolderEvent(path, _happened(event.mask))

    def _unwatch(self, watch: int) -> None:
        folder = self._folders.pop(watch, None)
        if folder is not None and self._watches.get(folder) == watch:
            del self._watches[folder]

    def _unwatch_beneath(self, folder: bytes) -> None:
        """The folder was moved: its watches would tell of paths that are no more."""
        for path, watch in list(self._watches.items()):
            if path == folder or path.startswith(folder + b"/"):
                with _gone_is_fine():
                    self._inotify.rm_watch(watch)
                self._unwatch(watch)

    def close(self) -> None:
        """Let the kernel forget the watches."""
        self._inotify.close()


def _happened(mask: int) -> Happened:
    if mask & (flags.DELETE | flags.MOVED_FROM):
        return Happened.GONE
    if mask & (flags.CLOSE_WRITE | flags.MOVED_TO):
        return Happened.WHOLE
    if mask & flags.CREATE:
        return Happened.BEGUN
    return Happened.WRITTEN if mask & flags.MODIFY else Happened.CHANGED


if sys.platform == "linux":
    MASK = (
        flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.CREATE | flags.DELETE | flags.ATTRIB
        | flags.MODIFY | flags.ONLYDIR | flags.EXCL_UNLINK
    )  # fmt: skip


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: the watch ended with its folder
            raise


class WatchfilesEvents:
    """The system's own events by way of watchfiles: FSEvents and others. They do not tell when a writer is done."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def watch(self, folder: bytes, descriptor: int) -> None:
        """All folders are watched anyway."""

    def fault(self) -> str | None:
        """Return None: a failure to watch ends `batches`."""
        return None

    async def batches(self) -> AsyncIterator[list[FolderEvent]]:
        """Yield events as they happen."""
        root = os.fsdecode(self._root)
        async for batch in awatch(
            root, watch_filter=None, debounce=GATHER_MS, step=STEP_MS, ignore_permission_denied=True
        ):
            yield [FolderEvent(self._relative(name), Happened.CHANGED) for _, name in batch]

    def close(self) -> None:
        """The end of `batches` closes everything."""

    def _relative(self, name: str) -> bytes:
        path = os.path.relpath(os.fsencode(name), self._root)
        # A name that is no UTF-8 comes lossy from the watcher: look at the whole folder it is in.
        if "\ufffd" in name:
            path = os.path.dirname(path)  # noqa: PTH120  bytes: pathlib has none
        return b"" if path == b"." else path


def events_of(root: bytes, watch: str, unheard: str | None) -> FolderEvents:
    """Return the events of the folder.

    Args:
        root: the folder.
        watch: `auto`, `events` or `polling`.
        unheard: kind of the mount the folder lies on, if its changes are not told there.
    """
    if watch == "polling":
        return NoEvents("the inbox is scanned, not watched, as set up (DATELINE_WATCH)")
    if watch == "auto" and unheard:
        return NoEvents(f"the inbox is scanned, not watched: it lies on {unheard}, where changes are not told")
    return InotifyEvents() if sys.platform == "linux" else WatchfilesEvents(root)
