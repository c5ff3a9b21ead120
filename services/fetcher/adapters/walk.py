"""Goes through an inbox, folder by folder, in bounded memory, whatever lies in it."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from services.fetcher.adapters.beneath import folder_beneath
from services.fetcher.adapters.inbox import Inbox, why_unreadable
from services.fetcher.domain.identity import Stamp, readable
from services.fetcher.domain.rules import IGNORE_FILE, MOST_BYTES, Rules

log = structlog.get_logger()

#: Entries told at a time: their comparison with the ledger takes the event loop about a millisecond.
STEP = 500
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


#: Is told of each folder (path, descriptor) before it is listed, so that nothing happens in it unheard.
OnFolder = Callable[[bytes, int], None]


def walk(inbox: Inbox, rules: Rules, on_folder: OnFolder, start: bytes = b"") -> Iterator[list[Sighting]]:
    """Yield what lies beneath the folder, in steps of at most `STEP`; reads the ignore files on its way.

    Regular files are told without asking the rules for them: most are known, and need no second thought.
    """
    folders, step = [start], list[Sighting]()
    while folders:
        folder = folders.pop()
        for sighting, is_folder in _listed(inbox, rules, on_folder, folder):
            if is_folder:
                folders.append(sighting.path)
                continue
            step.append(sighting)
            if len(step) >= STEP:
                yield step
                step = []
    yield step


def _listed(inbox: Inbox, rules: Rules, on_folder: OnFolder, folder: bytes) -> Iterator[tuple[Sighting, bool]]:
    try:
        with folder_beneath(inbox.root, folder) as descriptor:
            on_folder(folder, descriptor)
            _read_ignore_file(inbox, rules, folder)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if told := _told(rules, os.path.join(folder, os.fsencode(entry.name)), entry):  # noqa: PTH118
                        yield told
    except (FileNotFoundError, NotADirectoryError):
        return  # it went meanwhile
    except OSError as error:
        log.warning("folder_unreadable", folder=readable(folder), error=error.strerror)
        if status := inbox.status(folder):
            reason = why_unreadable(error).replace("The file", "The folder")
            yield Sighting(folder + b"/", Stamp.of(status), reason=reason), False


def _told(rules: Rules, path: bytes, entry: os.DirEntry[str]) -> tuple[Sighting, bool] | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # it went meanwhile
        return None
    stamp = Stamp.of(status)
    if not stat.S_ISDIR(status.st_mode):
        return Sighting(path, stamp), False
    if rule := rules.ignoring(path + b"/"):
        return Sighting(path + b"/", stamp, rule=rule), False
    if path.count(b"/") >= MOST_LEVELS or len(path) > LONGEST_PATH - 256:
        deep = f"The folder lies too deep: more than {MOST_LEVELS} folders, or a path of more than 4,096 bytes."
        return Sighting(path + b"/", stamp, reason=deep), False
    return Sighting(path, stamp), True


def _read_ignore_file(inbox: Inbox, rules: Rules, folder: bytes) -> None:
    before = rules.version
    rules.read(folder, inbox.content(os.path.join(folder, IGNORE_FILE), MOST_BYTES))  # noqa: PTH118
    if rules.version != before:
        for fault in rules.faults(folder):
            log.warning("ignore_file_faulty", folder=readable(folder), fault=fault)
