"""Goes through an inbox, folder by folder, in bounded memory, whatever lies in it."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import structlog

from services.fetcher.adapters.beneath import folder_beneath
from services.fetcher.adapters.inbox import Inbox, why_unreadable
from services.fetcher.domain.identity import Stamp, readable
from services.fetcher.domain.rules import IGNORE_FILE, MOST_BYTES, Rules

log = structlog.get_logger()

#: Entries told at a time: their comparison with the ledger takes the event loop about a millisecond.
STEP = 500
#: Files of folders that are as they were, told at a time; and folders whose look is remembered, about 200 bytes each.
MOST_UNCHANGED, MOST_LISTINGS = 50_000, 50_000
#: Folders in folders, and bytes of a path, beyond which nothing is looked at: it is refused, and listed.
MOST_LEVELS, LONGEST_PATH = 256, 4_096


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that lies in the inbox: a file, an ignored folder (`rule`), or one that cannot be gone into (`reason`).

    A folder's path ends with a slash.
    """

    path: bytes
    stamp: Stamp
    rule: str | None = None
    reason: str | None = None


#: Takes a folder's path and descriptor.
OnFolder = Callable[[bytes, int], None]


@dataclass(slots=True)
class Step:
    """Some of what lies there, and how many files lie in folders that are as they were."""

    sightings: list[Sighting] = field(default_factory=list)
    unchanged: int = 0


class Listings:
    """Folders in which every file was known: while they look the same, their files need not be compared again.

    One number for each: the sum of hashes of its files' names and stamps.
    """

    def __init__(self) -> None:
        self._of: dict[bytes, tuple[int, int]] = {}

    def files(self, folder: bytes, digest: int) -> int:
        """Return how many files lie in the folder, 0 when it does not look as it did."""
        known, files = self._of.get(folder, (None, 0))
        return files if known == digest else 0

    def remember(self, folder: bytes, digest: int, files: int) -> None:
        """Every file in the folder is known."""
        if len(self._of) < MOST_LISTINGS:
            self._of[folder] = (digest, files)

    def forget(self) -> None:
        """Look through all folders again."""
        self._of.clear()


class Walk:
    """Goes through an inbox once.

    Args:
        on_folder: is told of each folder (path, descriptor) before it is listed, so that nothing happens in it unheard.
        listings: folders that need not be looked through while they look the same.
    """

    def __init__(self, inbox: Inbox, rules: Rules, on_folder: OnFolder, listings: Listings) -> None:
        self._inbox = inbox
        self._rules = rules
        self._version = rules.version
        self._on_folder = on_folder
        self._listings = listings
        #: Folders that were looked through: path, digest, files.
        self.looked_through: list[tuple[bytes, int, int]] = []

    def steps(self, start: bytes = b"") -> Iterator[Step]:
        """Yield what lies beneath the folder, in steps of at most `STEP`; reads the ignore files on its way.

        Regular files are told without asking the rules for them: most are known, and need no second thought.
        """
        folders, step = [start], Step()
        while folders:
            for told in self._listed(folders.pop()):
                if isinstance(told, bytes):
                    folders.append(told)
                elif isinstance(told, int):
                    step.unchanged += told
                else:
                    step.sightings.append(told)
                if len(step.sightings) >= STEP or step.unchanged >= MOST_UNCHANGED:
                    yield step
                    step = Step()
        yield step

    def _listed(self, folder: bytes) -> Iterator[Sighting | bytes | int]:
        """Yield files, folders to go into, and how many files need no look."""
        try:
            with folder_beneath(self._inbox.root, folder) as descriptor:
                self._on_folder(folder, descriptor)
                self._read_ignore_file(folder)
                yield from self._looked_through(folder, descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return  # it went meanwhile
        except OSError as error:
            log.warning("folder_unreadable", folder=readable(folder), error=error.strerror)
            if status := self._inbox.status(folder):
                reason = why_unreadable(error).replace("The file", "The folder")
                yield Sighting(folder + b"/", Stamp.of(status), reason=reason)

    def _looked_through(self, folder: bytes, descriptor: int) -> Iterator[Sighting | bytes | int]:
        digest, files, inner = _digest(descriptor)
        if files and files == self._listings.files(folder, digest) and self._rules.version == self._version:
            yield files
            yield from self._told_folders(folder, descriptor, inner)
            return
        if len(self.looked_through) < MOST_LISTINGS:
            self.looked_through.append((folder, digest, files))
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if told := _told(self._rules, os.path.join(folder, os.fsencode(entry.name)), entry):  # noqa: PTH118
                    yield told

    def _told_folders(self, folder: bytes, descriptor: int, names: set[str]) -> Iterator[Sighting | bytes | int]:
        with os.scandir(descriptor) if names else nullcontext(()) as entries:
            for entry in entries:
                if entry.name in names and (
                    told := _told(self._rules, os.path.join(folder, os.fsencode(entry.name)), entry)  # noqa: PTH118
                ):
                    yield told

    def _read_ignore_file(self, folder: bytes) -> None:
        before = self._rules.version
        self._rules.read(folder, self._inbox.content(os.path.join(folder, IGNORE_FILE), MOST_BYTES))  # noqa: PTH118
        if self._rules.version != before:
            for fault in self._rules.faults(folder):
                log.warning("ignore_file_faulty", folder=readable(folder), fault=fault)


def _digest(descriptor: int) -> tuple[int, int, set[str]]:
    """Return a number that tells whether any file of the folder is another, how many there are, and its folders."""
    digest, files, folders = 0, 0, set[str]()
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.add(entry.name)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # it went meanwhile, and so the folder is not what it was
                digest += 1
                continue
            files += 1
            digest += hash((entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    return digest, files, folders


def _told(rules: Rules, path: bytes, entry: os.DirEntry[str]) -> Sighting | bytes | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # it went meanwhile
        return None
    stamp = Stamp.of(status)
    if not stat.S_ISDIR(status.st_mode):
        return Sighting(path, stamp)
    if rule := rules.ignoring(path + b"/"):
        return Sighting(path + b"/", stamp, rule=rule)
    if path.count(b"/") >= MOST_LEVELS or len(path) > LONGEST_PATH - 256:
        deep = f"The folder lies too deep: more than {MOST_LEVELS} folders, or a path of more than 4,096 bytes."
        return Sighting(path + b"/", stamp, reason=deep)
    return path
