"""Whether a disk has room. Who would fill it stops before it is full: an error in the midst of a write costs more."""

import shutil
from collections.abc import Callable
from pathlib import Path

#: What stays free: a tenth of the disk, or 1 GiB on a large one. What is on its way needs it to be finished.
SHARE, BYTES = 0.10, 2**30

#: Tells of a folder the bytes of its file system, and those that are free.
Usage = Callable[[Path], tuple[int, int]]


def usage_of(folder: Path) -> tuple[int, int]:
    """Ask the file system."""
    usage = shutil.disk_usage(folder)
    return usage.total, usage.free


class DiskSpace:
    """The room in the file systems of some folders.

    Args:
        folders: anything in these file systems; they need not be there yet.
        part: which part of the usual reserve is kept; finishing what was begun may go deeper than beginning.
        usage: asks the file system.
    """

    def __init__(self, *folders: Path, part: float = 1.0, usage: Usage = usage_of) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._part = part
        self._usage = usage

    def free(self) -> int:
        """Return the bytes that are free where the fewest are."""
        return min(self._usage(_existing(folder))[1] for folder in self._folders)

    def fault(self, size: int = 0) -> str | None:
        """Return in words why `size` more bytes may not be written; None when they may."""
        faults = (self._fault(folder, size) for folder in self._folders)
        return next((fault for fault in faults if fault), None)

    def _fault(self, folder: Path, size: int) -> str | None:
        total, free = self._usage(_existing(folder))
        needed = size + self._part * min(SHARE * total, BYTES)
        if free >= needed:
            return None
        left, of, least = (f"{n / 2**20:,.0f}" for n in (free, total, needed))
        return f"the disk of {folder} has {left} MB left of {of}, and {least} are needed: free some space"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
