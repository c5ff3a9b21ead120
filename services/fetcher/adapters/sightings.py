"""What lies in the inboxes and is no document: files to be read yet, what the rules leave out, and lists of addresses.

On disk, so that a million files found at once take no memory. What waits is found again by the scan at the next start.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime

from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place, Stamp, readable
from shared.contracts import MOST_IGNORED, IgnoredFile, IgnoredFiles


class Sightings:
    """Three tables of the ledger's file; all methods raise `TransientError` when the disk refuses."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        file.execute("DELETE FROM found")
        # All are counted as they come and go: counting a million rows takes 0.1 s, in which nothing else happens.
        #: Files that wait to be read.
        self.found = 0
        rows = file.execute("SELECT inbox, count(*) AS files FROM ignored GROUP BY inbox")
        self._ignored = Counter({row["inbox"]: row["files"] for row in rows})
        #: At least so many: what the disk refused may have been counted. It saves looking where there are none.
        self._lists: int = file.value("SELECT count(*) FROM lists")

    @property
    def ignored(self) -> int:
        """How many files and folders are left out."""
        return self._ignored.total()

    def find(self, inbox: str, files: Sequence[tuple[bytes, int]]) -> None:
        """These files (path, time of their last change in nanoseconds) wait to be read."""
        with self._file.together():
            cursor = self._file.executemany(
                "INSERT INTO found VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(inbox, *file) for file in files]
            )
        self.found += max(0, cursor.rowcount)

    def take_newest(self, inbox: str, most: int) -> list[bytes]:
        """Take those changed last off the list."""
        rows = self._file.execute(
            "DELETE FROM found WHERE (inbox, path) IN "
            "(SELECT inbox, path FROM found WHERE inbox = ? ORDER BY modified_ns DESC LIMIT ?) "
            "RETURNING path, modified_ns",
            (inbox, most),
        ).fetchall()
        self.found -= len(rows)
        return [row["path"] for row in sorted(rows, key=lambda row: -row["modified_ns"])]

    def waiting(self, inbox: str) -> bool:
        """Whether files of this inbox wait to be read."""
        return bool(self.found and self._file.value("SELECT EXISTS (SELECT 1 FROM found WHERE inbox = ?)", inbox))

    def ignore(self, inbox: str, files: Sequence[tuple[bytes, str]]) -> None:
        """These files (path, the rule) are left out."""
        now = datetime.now(UTC).isoformat()
        known = self.ignored_of(inbox, [path for path, _ in files])
        with self._file.together():
            self._file.executemany(
                "INSERT INTO ignored VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET rule = excluded.rule",
                [(inbox, path, rule, now) for path, rule in files],
            )
        self._ignored[inbox] += len({path for path, _ in files} - known)

    def forget(self, place: Place) -> None:
        """It is gone, or no rule leaves it out any more."""
        if self.ignored:
            cursor = self._file.execute("DELETE FROM ignored WHERE inbox = ? AND path = ?", place)
            self._ignored[place.inbox] -= cursor.rowcount

    def forget_inbox(self, inbox: str) -> None:
        """It is not watched any more."""
        with self._file.together():
            for table in ("ignored", "lists"):
                self._file.execute(f"DELETE FROM {table} WHERE inbox = ?", (inbox,))  # noqa: S608
        self._ignored[inbox] = 0
        self._lists = self._file.value("SELECT count(*) FROM lists")

    def ignored_of(self, inbox: str, paths: Sequence[bytes]) -> set[bytes]:
        """Return which of these are known to be left out."""
        marks = ", ".join("?" * len(paths))
        query = f"SELECT path FROM ignored WHERE inbox = ? AND path IN ({marks})"  # noqa: S608  marks only
        return {row["path"] for row in self._file.execute(query, (inbox, *paths))} if self.ignored else set()

    def ignored_in(self, inbox: str) -> int:
        """Return how many are left out of this inbox."""
        return self._ignored[inbox]

    def ignored_paths(self, inbox: str, after: bytes, most: int) -> list[bytes]:
        """Return paths of what is left out, in order, from the one after this on."""
        query = "SELECT path FROM ignored WHERE inbox = ? AND path > ? ORDER BY path LIMIT ?"
        return [row["path"] for row in self._file.execute(query, (inbox, after, most))]

    def newest_ignored(self) -> IgnoredFiles:
        """Return what is left out, seen last first."""
        rows = self._file.execute("SELECT * FROM ignored ORDER BY seen DESC LIMIT ?", (MOST_IGNORED,))
        files = (
            IgnoredFile(inbox=row["inbox"], path=readable(row["path"]), rule=row["rule"], seen=row["seen"])
            for row in rows
        )
        return IgnoredFiles(total=self.ignored, files=tuple(files))

    def enter_list(self, place: Place, stamp: Stamp) -> None:
        """The file names web addresses instead of being a document."""
        known = self.lists_of(place.inbox, [place.path])
        self._file.execute("INSERT OR REPLACE INTO lists VALUES (?, ?, ?, ?, ?, ?)", (*place, *astuple(stamp)))
        self._lists += not known

    def forget_list(self, place: Place) -> None:
        """It is gone, or is a document by now: its feeds are not polled any more."""
        if self._lists:
            self._lists -= self._file.execute("DELETE FROM lists WHERE inbox = ? AND path = ?", place).rowcount

    def lists_of(self, inbox: str, paths: Sequence[bytes]) -> dict[bytes, Stamp]:
        """Return the stamps of those of these files that name addresses."""
        marks = ", ".join("?" * len(paths))
        query = f"SELECT path, size, modified_ns, changed_ns, inode FROM lists WHERE inbox = ? AND path IN ({marks})"  # noqa: S608
        return {row[0]: Stamp(*row[1:]) for row in self._file.execute(query, (inbox, *paths))} if self._lists else {}

    def lists_in(self, inbox: str) -> list[bytes]:
        """Return the paths of all files that name addresses: few, each one was made by hand."""
        rows = self._file.execute("SELECT path FROM lists WHERE inbox = ?", (inbox,)) if self._lists else ()
        return [row["path"] for row in rows]
