"""Which document a file is, and when two looks at a file saw the same bytes."""

import hashlib
import os
from dataclasses import dataclass


def document_id_of(path: bytes, salt: int = 0) -> str:
    """Return the id of the document first seen at this inbox-relative path, 32 hex digits.

    `salt` tells apart a later document at a path whose first one has moved away.
    """
    name = path if not salt else path + b"\0" + str(salt).encode()
    return hashlib.sha256(name).hexdigest()[:32]


def readable(path: bytes) -> str:
    """Return the path as people read it: bytes that are no UTF-8, and line breaks, are escaped."""
    return path.decode("utf-8", "backslashreplace").replace("\n", "\\n").replace("\r", "\\r")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `stat` tells of a file's content: bytes, nanoseconds, nanoseconds, inode number."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Return the stamp in a `stat` result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
