"""A watched inbox without a server: what happens to files ends up in a ledger."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from services.fetcher.adapters.folder_events import events_of
from services.fetcher.adapters.inbox import Inbox, Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Lane, LedgerEntry
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.pages import Pages
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place
from services.fetcher.handlers import Librarian
from services.fetcher.lists import Lists
from services.fetcher.outbox import Outbox
from services.fetcher.settings import FetcherSettings
from services.fetcher.watched import WatchedFolder
from services.fetcher.watcher import Watcher
from shared.blobs import FilesystemBlobStore
from shared.tasks import end

#: Seconds a file holds still before it is read, where nobody can tell that its writer is done.
SETTLE = 0.2
#: Seconds after which something that should have happened will not happen any more.
PATIENCE_SECONDS = 15.0


class RecordingLibrarian(Librarian):
    """Remembers all that was ever entered of each path."""

    def __init__(self, ledger: Ledger, inbox: Inbox) -> None:
        super().__init__(ledger, Outbox(ledger), lambda place: inbox.is_gone(place.path))
        self.entered: list[tuple[bytes, str]] = []
        #: A file whose bytes it stumbles over.
        self.stumbles_over: bytes | None = None

    def on_file_read(self, place: Place, reading: Reading, lane: Lane = Lane.FRESH, url: str | None = None) -> None:
        """Remember it, then enter it."""
        if reading.content and place.path == self.stumbles_over:
            raise ValueError("a bug")
        if reading.content:
            self.entered.append((place.path, reading.content.sha256))
        super().on_file_read(place, reading, lane, url)


class Watched:
    """An inbox at work, and what the ledger knows of it."""

    def __init__(self, folder: Path, file: LedgerFile, settings: FetcherSettings) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir(exist_ok=True)
        self.ledger = Ledger(file)
        self.sightings = Sightings(file)
        self.blobs = FilesystemBlobStore(folder / "blobs")
        inbox = Inbox(self.folder)
        self.librarian = RecordingLibrarian(self.ledger, inbox)
        events = events_of(inbox.root, settings.watch, None)
        self.pages = Pages(file)
        lists = Lists(self.sightings, self.pages, self.librarian, self.blobs, lambda: None)
        parts = (self.ledger, self.sightings, self.librarian, lists, self.blobs)
        self.watcher = Watcher(WatchedFolder(inbox, events, *parts, lambda: None, settings))

    def at(self, name: str | bytes) -> LedgerEntry | None:
        """Return the document at this path."""
        return self.ledger.at(Place("inbox", name if isinstance(name, bytes) else name.encode()))

    def text(self, name: str | bytes) -> str | None:
        """Return what was read of the file at this path."""
        entry = self.at(name)
        return self.content(entry.content_hash) if entry and entry.content_hash else None

    def content(self, content_hash: str) -> str:
        """Return what is in the blob store under this hash."""
        return (self.blobs.root / content_hash[:2] / content_hash).read_text(errors="replace")

    def reason(self, name: str | bytes) -> str | None:
        """Return why the file at this path was refused."""
        entry = self.at(name)
        return entry.reason if entry else None

    def changes(self) -> list[tuple[str, str]]:
        """Return what was entered last of each document, in order."""
        entries = [e for lane in Lane for e in self.ledger.unpublished(lane, 1_000)]
        return [(e.place.path.decode(), e.change) for e in sorted(entries, key=lambda e: e.sequence)]

    async def until(self, is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.changes()[:100]}"
            await asyncio.sleep(0.01)

    async def until_read(self, name: str, text: str) -> None:
        """Wait until the file was read and holds this text."""
        await self.until(lambda: self.text(name) == text, f"{name} holds {text!r}")

    async def until_quiet(self, waiting: int = 0) -> None:
        """Wait until a file that is dropped now was read: what happened before it was seen, too.

        Args:
            waiting: files that are not read yet, and are not meant to be.
        """
        mark = self.folder / f"mark-{time.monotonic_ns()}.txt"
        mark.write_text(mark.name)
        await self.until_read(mark.name, mark.name)
        await self.until(lambda: len(self.watcher) == waiting, f"{waiting} wait")


@asynccontextmanager
async def watching(folder: Path, **settings: object) -> AsyncIterator[Watched]:
    """Watch `folder/inbox`."""
    (folder / "inbox").mkdir(exist_ok=True)
    made = FetcherSettings.model_validate({"inbox": str(folder / "inbox"), "settle_seconds": SETTLE, **settings})
    with closing(LedgerFile(folder / "ledger")) as file:
        watched = Watched(folder, file, made)
        task = asyncio.create_task(watched.watcher.run())
        try:
            yield watched
        finally:
            await end(task)
