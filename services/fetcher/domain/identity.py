"""Which document a file is, how its path is shown, and when two looks at a file saw the same bytes."""

import hashlib
import os
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

#: Characters of a path that are shown, at most; more than any path that is read can have.
MOST_SHOWN = 16_384
#: Folders of a path that become tags, at most.
MOST_TAGS = 64
#: The last number of 64 bits with a sign.
LAST = (1 << 63) - 1
#: Marks that change the direction of what follows: `\u202efdp.exe` would be shown as `exe.pdf`.
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Place(NamedTuple):
    """Where a document's bytes come from: the inbox's name, and the path beneath it as the file system has it."""

    inbox: str
    path: bytes


def document_id_of(place: Place, salt: int = 0) -> str:
    """Return the id of the document first seen at this place, 32 hex digits.

    `salt` tells apart a later document at a place whose first one has moved away.
    """
    parts = [place.inbox.encode(), place.path, *([str(salt).encode()] if salt else [])]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def readable(path: bytes) -> str:
    """Return the path as people read it: what is no UTF-8, line breaks, and what would mislead are escaped."""
    text = path.decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(_escaped(character) for character in text)
    return text[:MOST_SHOWN]


def _escaped(character: str) -> str:
    if character in DIRECTION_MARKS or unicodedata.category(character) in {"Cc", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode()
    return character


def tags_of(path: bytes) -> tuple[str, ...]:
    """Return the names of the folders that the file lies in, the outermost first, each once."""
    folders = path.split(b"/")[:-1]
    return tuple(dict.fromkeys(readable(folder) for folder in folders))[:MOST_TAGS]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `stat` tells of a file's content: bytes, nanoseconds, nanoseconds, inode number."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Return the stamp in a `stat` result; every number in it fits into 64 bits with a sign, as databases have."""
        return cls(status.st_size, _dated(status.st_mtime_ns), _dated(status.st_ctime_ns), _signed(status.st_ino))


def _dated(ns: int) -> int:
    """A file may be dated up to the year 2446 and beyond; nanoseconds in 64 bits end in 2262."""
    return max(-LAST, min(LAST, ns))


def _signed(number: int) -> int:
    return number if number <= LAST else number - (1 << 64)
