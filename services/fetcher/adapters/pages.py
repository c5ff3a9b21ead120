"""The web pages and feeds that were asked for, in the ledger's file: when each is to be fetched, and what it was."""

import sqlite3
import time
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import Enum

from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.web import Validators
from services.fetcher.domain.identity import Place
from services.fetcher.domain.web_address import host_of
from shared.errors import TransientError

#: The inbox that pages are said to be from.
INBOX = "web"
#: Pages that wait to be fetched, at most: weeks of one host's, and soon looked through for what is due.
MOST_WAITING = 100_000


class Again(Enum):
    """Which pages that were asked for before are fetched anew: SQL, of their rows."""

    NEVER = "0"
    AFTER_FAILURE = "NOT fetched"
    ALWAYS = "1"


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page whose time has come, and how often it was tried so far."""

    url: str
    host: str
    tries: int
    validators: Validators


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, the file that names it, and what became of the last look at it."""

    url: str
    place: Place
    looked: datetime | None
    fault: str | None


def place_of(url: str) -> Place:
    """Return where the document of a page is said to lie."""
    return Place(INBOX, url.encode())


class Pages:
    """All methods raise `TransientError` when the disk refuses."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self.durably, self.together = file.durably, file.together

    # Pages

    @property
    def waiting(self) -> int:
        """How many pages wait to be fetched."""
        return int(self._file.value("SELECT pages FROM waiting_pages"))

    def ask(self, urls: Sequence[str], again: Again) -> None:
        """Let these pages be fetched. Raises `TransientError`, too, when too many wait already."""
        if (waiting := self.waiting) + len(urls) > MOST_WAITING:
            raise TransientError(f"{waiting:,} web pages wait to be fetched already; more are taken later")
        now = time.time()
        with self.together():
            self._file.executemany(
                "INSERT INTO pages (url, host, waiting, due) VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE "  # noqa: S608
                f"SET waiting = 1, due = excluded.due, tries = 0 WHERE NOT waiting AND {again.value}",
                [(url, host_of(url), now) for url in urls],
            )

    def due(self, most: int, busy: Collection[str]) -> list[DuePage]:
        """Return pages whose time has come, of other hosts than these, the first first."""
        marks = ", ".join("?" * len(busy))
        rows = self._file.execute(
            f"SELECT * FROM pages WHERE waiting AND due <= ? AND host NOT IN ({marks}) ORDER BY due LIMIT ?",  # noqa: S608
            (time.time(), *busy, most),
        )
        return [DuePage(row["url"], row["host"], row["tries"], _validators(row)) for row in rows]

    def put_off(self, url: str, seconds: float) -> None:
        """Try the page again after a while."""
        self._file.execute("UPDATE pages SET due = ?, tries = tries + 1 WHERE url = ?", (time.time() + seconds, url))

    def end(self, url: str, validators: Validators | None) -> None:
        """The page was fetched, and has these validators; or never will be: None."""
        self._file.execute(
            "UPDATE pages SET waiting = 0, fetched = ?, etag = ?, last_modified = ? WHERE url = ? AND waiting",
            (validators is not None, *astuple(validators or Validators()), url),
        )

    # Feeds

    def name_feeds(self, place: Place, feeds: Sequence[str]) -> None:
        """The file at this place, a list, names these feeds and no others."""
        marks = ", ".join("?" * len(feeds))
        with self.together():
            self._file.execute(
                f"DELETE FROM feeds WHERE inbox = ? AND path = ? AND url NOT IN ({marks})",  # noqa: S608  marks only
                (*place, *feeds),
            )
            self._file.executemany(
                "INSERT INTO feeds (url, inbox, path, due) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING",
                [(feed, *place) for feed in feeds],
            )

    def due_feeds(self, most: int, busy: Collection[str]) -> list[tuple[str, Validators]]:
        """Return feeds whose time has come, other than these."""
        marks = ", ".join("?" * len(busy))
        rows = self._file.execute(
            "SELECT url, max(etag) AS etag, max(last_modified) AS last_modified FROM feeds "  # noqa: S608  marks only
            f"WHERE due <= ? AND url NOT IN ({marks}) GROUP BY url LIMIT ?",
            (time.time(), *busy, most),
        )
        return [(row["url"], _validators(row)) for row in rows]

    def put_off_feed(self, url: str, seconds: float) -> None:
        """Look at the feed again after a while."""
        self._file.execute("UPDATE feeds SET due = ? WHERE url = ?", (time.time() + seconds, url))

    def end_feed(self, url: str, validators: Validators, fault: str | None) -> None:
        """The feed was read, or could not be."""
        self._file.execute(
            "UPDATE feeds SET looked = ?, etag = ?, last_modified = ?, fault = ? WHERE url = ?",
            (time.time(), *astuple(validators), fault, url),
        )

    def feeds(self, most: int) -> list[Feed]:
        """Return feeds, those with a fault first."""
        rows = self._file.execute("SELECT * FROM feeds ORDER BY fault IS NULL, url, inbox, path LIMIT ?", (most,))
        return [
            Feed(
                row["url"],
                Place(row["inbox"], row["path"]),
                datetime.fromtimestamp(row["looked"], UTC) if row["looked"] else None,
                row["fault"],
            )
            for row in rows
        ]

    def count_feeds(self) -> int:
        """Return how many feeds are polled, one counted for each file that names it."""
        return int(self._file.value("SELECT count(*) FROM feeds"))


def _validators(row: sqlite3.Row) -> Validators:
    return Validators(row["etag"], row["last_modified"])
